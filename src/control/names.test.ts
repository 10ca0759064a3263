import { expect, test } from "bun:test";
import type { Address } from "../base/address.ts";
import { hearing } from "../relay/observer.ts";
import { NameError } from "../upstream/names/name-error.ts";
import type { Resolution } from "../upstream/names/resolver.ts";
import { TestClock } from "../upstream/names/test-clock.ts";
import { UpstreamNames } from "./names.ts";

function tcp(host: string, port = 1): Address {
  return { kind: "tcp", host, port };
}

/** Names that stand for what the test says; what is not in there nobody knows. */
class Scene {
  readonly known = new Map<string, readonly string[]>();
  readonly asked: string[] = [];
  readonly told: unknown[] = [];
  readonly clock = new TestClock();
  private readonly observer = hearing({
    nameChanged: ({ name, addresses, isNews }) => this.told.push({ name, addresses, isNews }),
    nameFailing: ({ name, why }) => this.told.push({ name, why }),
  });
  readonly names = new UpstreamNames(this.observer, {
    clock: this.clock,
    random: () => 0,
    resolve: async (name): Promise<Resolution> => {
      this.asked.push(name);
      const hosts = this.known.get(name);
      if (hosts === undefined) throw new NameError("unknown_host");
      const addresses = hosts.map((host) => {
        return { host, family: host.includes(":") ? (6 as const) : (4 as const) };
      });
      return { addresses, ttlMs: 10_000 };
    },
  });

  async hosts(name: string): Promise<string[]> {
    const { promise, resolve } = Promise.withResolvers<readonly Address[]>();
    this.names.resolve(tcp(name, 7), null, resolve);
    return (await promise).map((one) => (one.kind === "tcp" && one.port === 7 ? one.host : "?"));
  }
}

/** A name of three addresses, the middle one of which may not be dialled; those with a 9 are well. */
function filtered(hosts = ["10.0.0.9", "10.6.6.9", "10.0.0.1"]): {
  names: UpstreamNames;
  dialled: (slot: number | null) => Promise<unknown>;
} {
  const names = new UpstreamNames(hearing({}), {
    clock: new TestClock(),
    resolve: async () => ({
      addresses: hosts.map((host) => ({ host, family: 4 as const })),
      ttlMs: 10_000,
    }),
    filter: (_, found) => {
      const isDenied = (one: Address) => one.kind === "tcp" && one.host.startsWith("10.6");
      const dialled = found.filter((one) => !isDenied(one));
      return { dialled, refusal: dialled.length > 0 ? null : "dns_denied" };
    },
    wellOf: (slot, addresses, tell) =>
      tell(addresses.filter(({ host }) => host.endsWith(String(slot)))),
  });
  names.set([tcp("a")]);
  const dialled = async (slot: number | null) => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    names.resolve(tcp("a", 7), slot, (found, refusal) => resolve({ found, refusal }));
    return await promise;
  };
  return { names, dialled };
}

test("of the addresses of a name those are dialled that are well and may be", async () => {
  const { names, dialled } = filtered();
  expect(await dialled(9)).toEqual({ found: [tcp("10.0.0.9", 7)], refusal: null });
  expect(await dialled(1)).toEqual({ found: [tcp("10.0.0.1", 7)], refusal: null });
  expect(await dialled(5)).toEqual({ found: [], refusal: null });
  expect(await dialled(null)).toMatchObject({ found: { length: 2 }, refusal: null });
  names.stop();
  const denied = filtered(["10.6.6.9"]);
  expect(await denied.dialled(9)).toEqual({ found: [], refusal: "dns_denied" });
  // No check has found it well, as none may go there.
  expect(await denied.dialled(1)).toEqual({ found: [], refusal: "dns_denied" });
  denied.names.stop();
});

test("each address of a name is looked at before it is checked, at whatever port", async () => {
  const { names } = filtered();
  expect(await names.literalsAt("10.0.0.9")(tcp("a", 8))).toEqual([tcp("10.0.0.9", 8)]);
  expect(names.literalsAt("10.6.6.9")(tcp("a", 8))).rejects.toThrow("not allowed");
  expect(await names.literals(tcp("a", 8))).toHaveLength(2);
  names.stop();
});

test("only names are watched, each once", () => {
  const scene = new Scene();
  const unix = { kind: "unix", path: "/a" } as const;
  scene.names.set([tcp("a", 1), tcp("a", 2), tcp("10.0.0.1"), tcp("::1"), unix, tcp("b")]);
  expect(scene.asked).toEqual(["a", "b"]);
  scene.names.stop();
});

test("an answer has the families in turn, the system's first one first, and each begins elsewhere", async () => {
  const scene = new Scene();
  scene.known.set("a", ["10.0.0.1", "10.0.0.2", "::1"]);
  scene.names.set([tcp("a")]);
  expect(await scene.hosts("a")).toEqual(["10.0.0.1", "::1", "10.0.0.2"]);
  expect(await scene.hosts("a")).toEqual(["10.0.0.2", "::1", "10.0.0.1"]);
  expect(scene.asked).toEqual(["a"]);
});

test("of many addresses a dial gets some, and in the end all have had their turn", async () => {
  const scene = new Scene();
  const all = Array.from({ length: 100 }, (_, index) => `10.0.0.${index}`);
  scene.known.set("a", all);
  scene.names.set([tcp("a")]);
  const firsts: (string | undefined)[] = [];
  for (let count = 0; count < 100; count++) {
    const hosts = await scene.hosts("a");
    expect(hosts).toHaveLength(16);
    firsts.push(hosts[0]);
  }
  expect(firsts).toEqual(all);
});

test("what nobody knows has no addresses, and a sentence", async () => {
  const scene = new Scene();
  scene.known.set("a", ["10.0.0.1"]);
  scene.names.set([tcp("a"), tcp("b")]);
  expect(await scene.hosts("b")).toEqual([]);
  expect(await scene.names.problem("b")).toBe("unknown host");
  expect(await scene.names.problem("a")).toBeNull();
  // Nobody is warned because the proxy stops.
  scene.names.stop();
  expect(await scene.names.problem("b")).toBeNull();
});

test("the first answer is no news, unless there was none before; a failure is told once", async () => {
  const scene = new Scene();
  scene.known.set("a", ["10.0.0.1"]);
  scene.names.set([tcp("a"), tcp("b")]);
  await Promise.all([scene.hosts("a"), scene.hosts("b")]);
  scene.known.set("b", ["10.0.0.2"]);
  scene.known.delete("a");
  for (let second = 0; second < 20; second++) {
    scene.clock.advance(1_000);
    await Promise.all([scene.hosts("a"), scene.hosts("b")]);
  }
  expect(scene.told).toEqual([
    { name: "a", addresses: ["10.0.0.1"], isNews: false },
    { name: "b", addresses: ["10.0.0.2"], isNews: true },
    { name: "a", why: "unknown host" },
  ]);
});
