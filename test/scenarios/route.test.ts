import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatAddress } from "../../src/base/address.ts";
import { loadFile } from "../../src/config/load.ts";
import { Problems } from "../../src/config/sourced.ts";
import { validate } from "../../src/config/validate.ts";
import { answerOf } from "../../src/entry/route/answer.ts";
import {
  type Connection,
  createProxy,
  type ProxyConfig,
  type RelaySummary,
  type Route,
  type RouteFailure,
} from "../../src/index.ts";
import { NO_UPSTREAM } from "../../src/upstream/chooser.ts";
import { blockNamed } from "../docs/pages.ts";
import { CliProcess } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// A function decides about connections: in a program, and in a configuration in TypeScript.

setDefaultTimeout(30_000);

const linux = process.platform === "linux";
const engines = linux ? (["sockets", "auto"] as const) : (["sockets"] as const);

let folder = "";
let blue: Upstream;
let green: Upstream;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-route-"));
  const place = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  [blue, green] = [Upstream.listen(place, echo), Upstream.listen(place, echo)];
});

afterAll(async () => {
  blue.close();
  green.close();
  await rm(folder, { recursive: true });
});

function placeOf({ address }: Upstream): string {
  return address.kind === "tcp" ? `${address.host}:${address.port}` : "";
}

async function connect(port: number): Promise<End> {
  const end = await End.connect({ kind: "tcp", host: "127.0.0.1", port });
  end.send("hello");
  return end;
}

const portOf = (address: string | undefined) => Number(address?.split(":").at(-1));

async function served(port: number): Promise<End> {
  const end = await connect(port);
  await waitFor(() => end.receivedBytes === 5, "the echo is here");
  return end;
}

async function refused(port: number): Promise<void> {
  const end = await connect(port);
  await waitFor(() => end.closed, "it is let go");
  expect(end.receivedBytes).toBe(0);
}

describe.each(linux ? [0, 1, 2] : [0])("a program with %i workers", (workers) => {
  test("chooses, labels and refuses", async () => {
    const ended: RelaySummary[] = [];
    const told: Connection[] = [];
    const config: ProxyConfig = {
      listeners: [{ name: "door", listen: "127.0.0.1:0" }],
      upstream: [placeOf(blue), { address: placeOf(green), weight: 0 }],
      workers,
      drainTimeout: 0,
      async route(connection) {
        told.push(connection);
        if (told.length === 3) return { refuse: true };
        await Bun.sleep(1);
        return { upstream: connection.upstreams[1], label: `number ${told.length}` };
      },
    };
    await using proxy = await createProxy(config, { relayEnded: (relay) => ended.push(relay) });
    const port = portOf(proxy.addresses[0]);
    for (let round = 0; round < 2; round++) {
      (await served(port)).finish();
      await waitFor(() => ended.length === round + 1, "its end is told");
    }
    await refused(port);
    await waitFor(() => ended.length === 3, "all ends are told");
    expect(ended).toMatchObject([
      { upstream: placeOf(green), label: "number 1", reason: "client_fin" },
      { upstream: placeOf(green), label: "number 2", reason: "client_fin" },
      { upstream: null, label: null, reason: "route_refused" },
    ]);
    const [first] = ended;
    expect(told[0]).toEqual({
      listener: "door",
      client: first?.client ?? "",
      local: `127.0.0.1:${port}`,
      header: null,
      hello: null,
      tls: null,
      route: null,
      upstreams: [placeOf(blue), placeOf(green)],
      states: [blue, green].map((one) => ({
        upstream: placeOf(one),
        isOpen: true,
        running: 0,
        maxRelays: 0,
      })),
    });
  });

  test("is told of failures, and takes another function", async () => {
    const failures: RouteFailure[] = [];
    const config: ProxyConfig = {
      listen: "127.0.0.1:0",
      upstream: placeOf(blue),
      workers,
      drainTimeout: 0,
      route: () => {
        throw new Error("mine");
      },
    };
    await using proxy = await createProxy(config, {
      routeFailed: (failure) => failures.push(failure),
    });
    const [address = ""] = proxy.addresses;
    await served(portOf(address));
    await waitFor(() => failures.length === 1, "its failure is told");
    expect(failures).toEqual([{ listener: address, why: "it throws: mine" }]);
    expect(proxy.stats().routeFailures).toBe(1);
    expect(await proxy.reload(config)).toBe("nothing changes");
    const other: ProxyConfig = { ...config, route: () => ({ label: "other" }) };
    expect(await proxy.reload(other)).toBe("1 listener changed, 0 relays cut");
    // Workers hear of it in their next turn.
    proxy.stats();
    await served(portOf(address));
    expect((await proxy.relays()).map(({ label }) => label)).toContain("other");
  });
});

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

/** A configuration whose function is this one. */
function configuration(route: string, more = ""): string {
  return `import { defineConfig } from "ringway";
export default defineConfig({
  listeners: [{ name: "door", listen: "127.0.0.1:0" }],
  upstream: ["${placeOf(blue)}", "${placeOf(green)}"],
  drainTimeout: 0,
  accessLog: "stdout",
  stats: "none",
  ${more}
  route: ${route},
});
`;
}

interface Line {
  readonly reason: string;
  readonly label: string | null;
}

function linesOf(out: string): Line[] {
  return out
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

describe.each(engines)("a configuration with engine %s", (engine) => {
  test("has a function, and another one after a reload", async () => {
    const path = await write(`${engine}.ts`, configuration('() => ({ label: "before" })'));
    await using proxy = new CliProcess(["-c", path, "-e", engine]);
    const port = await proxy.port();
    await served(port);
    await writeFile(path, configuration("() => ({ refuse: true })"));
    proxy.child.kill("SIGHUP");
    await proxy.logged(/SIGHUP: 1 listener changed, 0 relays cut/);
    await refused(port);
    const { code, out } = await proxy.stop();
    expect(code).toBe(0);
    expect(linesOf(out).toSorted((a, b) => a.reason.localeCompare(b.reason))).toMatchObject([
      { reason: "drain", label: "before" },
      { reason: "route_refused", label: null },
    ]);
  });

  test("fails without harm, which is logged once a second", async () => {
    const route = '() => { throw new Error("not\\nyet"); }';
    const path = await write(`failing-${engine}.ts`, configuration(route));
    await using proxy = new CliProcess(["-c", path, "-e", engine]);
    const port = await proxy.port();
    const ends = await Promise.all(Array.from({ length: 50 }, () => served(port)));
    for (const end of ends) end.reset();
    const { code, err } = await proxy.stop();
    expect(code).toBe(0);
    expect(err).toContain("door: the route function failed: it throws: not\\u000ayet\n");
    const told = err.match(/route function failed/g)?.length ?? 0;
    expect(told).toBeGreaterThan(1);
    expect(told).toBeLessThan(10);
  });
});

describe.each(linux ? [["auto", 1] as const, ["sockets", 2] as const] : [])(
  "a function that blocks its thread, with engine %s and %i workers",
  (engine, workers) => {
    const block = "() => { Bun.sleepSync(2_000); return { refuse: true }; }";

    test("holds nobody up for longer than it may", async () => {
      const path = await write(`block-${engine}.ts`, configuration(block, 'routeTimeout: "50ms",'));
      await using proxy = new CliProcess(["-c", path, "-e", engine, "-w", `${workers}`]);
      const port = await proxy.port();
      const startedAt = performance.now();
      const ends = await Promise.all(Array.from({ length: 200 }, () => served(port)));
      expect(performance.now() - startedAt).toBeLessThan(1_500);
      // Questions that nobody waits for any more are not asked: it is back after the first one.
      await proxy.logged(/failed: no answer within 50ms/);
      expect(performance.now() - startedAt).toBeLessThan(10_000);
      // And what it has answered too late does no harm.
      for (const end of ends) end.send("again");
      await waitFor(() => ends.every(({ receivedBytes }) => receivedBytes === 10), "they go on");
      expect((await proxy.stop()).code).toBe(0);
    });

    test("or lets nobody in, if that is wanted", async () => {
      const more = 'routeTimeout: "50ms", routeFailure: "refuse",';
      const path = await write(`shut-${engine}.ts`, configuration(block, more));
      await using proxy = new CliProcess(["-c", path, "-e", engine, "-w", `${workers}`]);
      const port = await proxy.port();
      const startedAt = performance.now();
      await refused(port);
      expect(performance.now() - startedAt).toBeLessThan(1_500);
      const { out } = await proxy.stop();
      expect(linesOf(out)).toMatchObject([{ reason: "route_failed", label: null }]);
    });
  },
);

test("a function is for TypeScript alone", async () => {
  const path = await write("a.toml", 'upstream = "127.0.0.1:1"\nroute = "choose"\n');
  const { code, err } = await new CliProcess(["-c", path]).finished();
  expect({ code, err }).toEqual({
    code: 2,
    err: `ringway: ${path}: route "choose": expected a function, which a configuration in TypeScript can have, or off\n`,
  });
});

test("the example of docs/route-function.md does what it says", async () => {
  const { text } = await blockNamed("docs/route-function.md", "ringway.ts");
  const path = await write("readme.ts", text);
  const problems = new Problems();
  const source = await loadFile(path, {}, problems);
  const [{ route, upstreams } = { route: null, upstreams: [] }] = validate(
    {},
    source,
    problems.sentences,
  ).listeners;
  expect(upstreams.map(({ weight }) => weight)).toEqual([1, 0, 0]);
  expect(route?.failure).toBe("refuse");
  const names = upstreams.map(({ address }) => formatAddress(address));
  const asked = async (client: string, authority: string | null) => {
    const header = { version: 2, authority, alpn: null, uniqueId: null } as const;
    const told = { listener: ":6380", client, local: null, header, hello: null, tls: null, route: null };
    const connection = { ...told, upstreams: names, states: [] };
    return await answerOf(route?.hook as Route, connection);
  };
  const plain = { upstream: NO_UPSTREAM, isStrict: false, isRefused: false };
  expect(await asked("10.66.1.1:1", null)).toEqual({
    ...plain,
    label: "old network",
    isRefused: true,
  });
  expect(await asked("10.0.0.9:1", "green.example")).toEqual({
    ...plain,
    label: "tenant",
    upstream: 2,
    isStrict: true,
  });
  expect(await asked("10.0.0.9:1", "constructor")).toEqual({ ...plain, label: "stranger" });
});
