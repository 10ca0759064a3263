import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaults, uringDefaults } from "../../src/config/defaults.ts";
import { plainUpstream } from "../../src/config/listeners.ts";
import type { EngineName, ListenerOptions } from "../../src/config/options.ts";
import { RunningProxy } from "../../src/control/proxy.ts";
import { lookUpBy } from "../../src/control/services.ts";
import { choose } from "../../src/engine/select.ts";
import { probe } from "../../src/engine/uring/probe.ts";
import type { Fields } from "../../src/relay/events.ts";
import { resolveName } from "../../src/upstream/names/resolver.ts";
import { TestAuthority } from "../../src/upstream/names/test-authority.ts";
import { TestClock } from "../../src/upstream/names/test-clock.ts";
import { CliProcess, runCli } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { listener, plainMemory } from "../fixtures/options.ts";
import { Recorder } from "../fixtures/recorder.ts";
import { type Behaviour, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// Upstreams that are host names: a DNS server of the test's own says where they are.

setDefaultTimeout(30_000);

/** Engines in the main thread and in threads of their own. */
const engines: readonly { engine: EngineName; workers: number }[] =
  process.platform === "linux"
    ? [
        { engine: "sockets", workers: 1 },
        { engine: "sockets", workers: 2 },
        ...(choose("auto", probe()).name === "uring"
          ? [{ engine: "uring" as const, workers: 1 }]
          : []),
      ]
    : [];
/** Many addresses of the loopback, so that a name can move: Linux has all of them. */
const HOSTS = ["127.0.0.2", "127.0.0.3", "127.0.0.4"] as const;

/** Says where it is, and then the same for whatever comes. */
function saying(text: string): Behaviour {
  return (end) => {
    end.send(text);
    end.onData = (self) => void self.send(text);
    end.onFin = (self) => void self.finish();
  };
}

/** An upstream on each of the hosts, all on the same port. */
function listenOnAll(): Upstream[] {
  const [first, ...others] = HOSTS;
  for (;;) {
    const upstreams = [Upstream.listen({ kind: "tcp", host: first, port: 0 }, saying(first))];
    try {
      for (const host of others) {
        const address = { kind: "tcp", host, port: portOf(upstreams[0]) } as const;
        upstreams.push(Upstream.listen(address, saying(host)));
      }
      return upstreams;
    } catch {
      for (const upstream of upstreams) upstream.close();
    }
  }
}

function portOf(upstream: Upstream | undefined): number {
  return upstream?.address.kind === "tcp" ? upstream.address.port : 0;
}

class NameRecorder extends Recorder {
  readonly told: string[] = [];
  nameChanged({ name, addresses, isNews }: Fields<"nameChanged">): void {
    this.told.push(`${name}: ${addresses.join(" ")}${isNews ? "" : ", the first"}`);
  }
  nameFailing({ name, why }: Fields<"nameFailing">): void {
    this.told.push(`${name}: ${why}`);
  }
}

/** What an engine is, and milliseconds that a question for a name may take. */
interface Stage {
  readonly engine: EngineName;
  readonly workers: number;
  readonly timeoutMs?: number;
}

/** A proxy that asks the test's own DNS for names. */
class Scene implements AsyncDisposable {
  readonly record = new NameRecorder();
  readonly clock = new TestClock();
  readonly upstreams = listenOnAll();
  readonly clients: End[] = [];
  proxy: RunningProxy | null = null;

  private constructor(
    readonly authority: TestAuthority,
    private readonly stage: Stage,
  ) {}

  static async make(stage: Stage): Promise<Scene> {
    return new Scene(await TestAuthority.start(), stage);
  }

  get port(): number {
    return portOf(this.upstreams[0]);
  }

  /** A listener whose upstream is that name. */
  listener(...names: string[]): ListenerOptions {
    return listener({
      upstreams: names.map((host) => plainUpstream({ kind: "tcp", host, port: this.port })),
      health: { ...listener({}).health, ejection: null },
    });
  }

  options(...listeners: ListenerOptions[]) {
    const { drainTimeoutMs } = defaults;
    const { engine, workers } = this.stage;
    const rest = { totalRelays: 0, memory: plainMemory, uring: uringDefaults };
    const all = listeners.map((one) => ({ ...one, engine }));
    return { listeners: all, workers, ...rest, drainTimeoutMs, dnsServers: [] };
  }

  async start(...listeners: ListenerOptions[]): Promise<RunningProxy> {
    const servers = [this.authority.server];
    const { timeoutMs = 400 } = this.stage;
    const names = {
      clock: this.clock,
      random: () => 0,
      resolve: (name: string) => resolveName(name, { servers, system: null, timeoutMs }),
    };
    const options = this.options(...listeners);
    this.proxy = await RunningProxy.start(options, this.record, undefined, names);
    return this.proxy;
  }

  /** A client; what it hears first, empty when its relay ends before. */
  async dial(): Promise<{ client: End; heard: string }> {
    const [running] = this.proxy?.listeners ?? [];
    if (running === undefined) throw new Error("the proxy has no listener");
    const client = await End.connect(running.address, (end) => {
      end.keeps = true;
    });
    this.clients.push(client);
    await waitFor(() => client.receivedBytes > 0 || client.closed, "the client hears something");
    return { client, heard: Buffer.concat(client.chunks).toString() };
  }

  async heard(): Promise<string> {
    return (await this.dial()).heard;
  }

  async tells(...lines: string[]): Promise<void> {
    const { told } = this.record;
    await waitFor(
      () => told.length >= lines.length,
      () => `it has told ${lines.length} things: ${told.join("; ")}`,
    );
    expect(told).toEqual(lines);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) client.reset();
    await this.proxy?.stop(0);
    for (const upstream of this.upstreams) upstream.close();
    this.authority[Symbol.dispose]();
  }
}

describe.each(engines)("names that the engine $engine dials, workers: $workers", (stage) => {
  test("a name moves: new relays go to its new address, running ones stay", async () => {
    await using scene = await Scene.make(stage);
    scene.authority.addresses("a.test", ["127.0.0.2"], 60);
    await scene.start(scene.listener("a.test"));
    await scene.tells("a.test: 127.0.0.2, the first");
    const { client } = await scene.dial();
    scene.authority.addresses("a.test", ["127.0.0.3"], 60);
    // Not before the TTL is over.
    expect(await scene.heard()).toBe("127.0.0.2");
    scene.clock.advance(60_000);
    await scene.tells("a.test: 127.0.0.2, the first", "a.test: 127.0.0.3");
    expect(await scene.heard()).toBe("127.0.0.3");
    client.send("?");
    await waitFor(() => client.receivedBytes === 18, "the old relay goes on");
    expect(Buffer.concat(client.chunks).toString()).toBe("127.0.0.2127.0.0.2");
  });

  test("dials wait for no question, and go on while DNS is silent", async () => {
    await using scene = await Scene.make(stage);
    scene.authority.addresses("a.test", ["127.0.0.2"], 60);
    await scene.start(scene.listener("a.test"));
    await scene.tells("a.test: 127.0.0.2, the first");
    for (let count = 0; count < 20; count++) expect(await scene.heard()).toBe("127.0.0.2");
    expect(scene.authority.count("a.test")).toBe(2);
    for (const type of ["A", "AAAA"] as const) {
      scene.authority.knows("a.test", type, { isSilent: true });
    }
    scene.clock.advance(60_000);
    expect(await scene.heard()).toBe("127.0.0.2");
    await scene.tells("a.test: 127.0.0.2, the first", "a.test: no answer from DNS in time");
    expect(await scene.heard()).toBe("127.0.0.2");
  });

  test("a name that nobody knows at the start is asked for when a client comes", async () => {
    await using scene = await Scene.make(stage);
    await scene.start(scene.listener("a.test"));
    expect(await scene.heard()).toBe("");
    await waitFor(() => scene.record.ended.length === 1, "the relay's end is told");
    expect(scene.record.reasons).toEqual(["connect_unresolved"]);
    // Within the same second nobody is asked again, however many come.
    const before = scene.authority.count("a.test");
    for (let count = 0; count < 5; count++) expect(await scene.heard()).toBe("");
    expect(scene.authority.count("a.test")).toBe(before);
    scene.clock.advance(500);
    scene.authority.addresses("a.test", ["127.0.0.4"], 60);
    scene.clock.advance(500);
    expect(await scene.heard()).toBe("127.0.0.4");
    await scene.tells("a.test: 127.0.0.4");
  });

  test("clients that come before the first answer wait for it", async () => {
    await using scene = await Scene.make({ ...stage, timeoutMs: 8_000 });
    let isSlow = true;
    const reply = (hosts: readonly string[]) => () => {
      const records = hosts.map((host) => ({ type: "A" as const, host, ttl: 60 }));
      return isSlow ? { isSilent: true } : { records };
    };
    scene.authority.knows("a.test", "A", reply(["127.0.0.2"]));
    scene.authority.knows("a.test", "AAAA", reply([]));
    await scene.start(scene.listener("a.test"));
    await waitFor(() => scene.authority.count("a.test") > 0, "it is asked for");
    const all = Array.from({ length: 10 }, () => scene.heard());
    await waitFor(
      async () => (await scene.proxy?.engine.relays())?.length === 10,
      "all of them wait",
    );
    // The same question is asked once more, as nobody has answered; but not by each client.
    isSlow = false;
    expect(new Set(await Promise.all(all))).toEqual(new Set(["127.0.0.2"]));
    expect(scene.authority.count("a.test")).toBeLessThan(10);
  });

  test("dials are spread over all addresses, and go on when one refuses", async () => {
    await using scene = await Scene.make(stage);
    scene.authority.addresses("a.test", [...HOSTS], 60);
    await scene.start(scene.listener("a.test"));
    await scene.tells(`a.test: ${HOSTS.join(" ")}, the first`);
    const heard: string[] = [];
    for (let count = 0; count < 6; count++) heard.push(await scene.heard());
    expect(heard).toEqual([...HOSTS, ...HOSTS]);
    scene.upstreams[0]?.close();
    expect(await scene.heard()).toBe("127.0.0.3");
    expect(scene.record.dialsFailed).toEqual([]);
  });

  test("a reload brings other names, and the end ends all questions", async () => {
    await using scene = await Scene.make(stage);
    scene.authority.addresses("a.test", ["127.0.0.2"], 60);
    scene.authority.addresses("b.test", ["127.0.0.3"], 60);
    const proxy = await scene.start(scene.listener("a.test"));
    await scene.tells("a.test: 127.0.0.2, the first");
    await proxy.reload(scene.options(scene.listener("a.test", "b.test")));
    await scene.tells("a.test: 127.0.0.2, the first", "b.test: 127.0.0.3, the first");
    // What was known was not asked for anew.
    expect(scene.authority.count("a.test")).toBe(2);
    expect(scene.clock.pending).toBe(2);
    await proxy.reload(scene.options(scene.listener("b.test")));
    expect(scene.clock.pending).toBe(1);
    expect(await scene.heard()).toBe("127.0.0.3");
    await proxy.stop(0);
    expect(scene.clock.pending).toBe(0);
  });
});

/** A name that this machine knows from its own file, and where that says it is. */
const listed = (await Bun.file("/etc/hosts").text())
  .split("\n")
  .map((line) => line.split(/\s+/))
  .find(([address = "", name = ""]) => /^[1-9]/.test(address) && !/^localhost|^$/.test(name));

test.skipIf(listed === undefined)(
  "what /etc/hosts has is there also where DNS servers are named (needs an entry of it)",
  async () => {
    using authority = await TestAuthority.start();
    const [address = "", name = ""] = listed ?? [];
    const { resolve } = lookUpBy([authority.server]);
    expect((await resolve?.(name))?.addresses).toContainEqual({ host: address, family: 4 });
    expect(authority.asked).toHaveLength(0);
  },
);

describe("the command line", () => {
  const name = "ringway-test.invalid";
  const unknown = new RegExp(`cannot relay to ${name}:1 yet: .*; it is looked up again and again`);
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "ringway-names-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test("a host that nobody knows is a warning at the start", async () => {
    await using proxy = new CliProcess(["-l", "127.0.0.1:0", "-u", `${name}:1`]);
    await proxy.port();
    await proxy.logged(unknown);
    expect(await proxy.stop()).toMatchObject({ code: 0 });
  });

  test("and at a reload, which is done all the same; a check asks nobody", async () => {
    const path = join(folder, "ringway.toml");
    await writeFile(path, 'listen = "127.0.0.1:0"\nupstream = "127.0.0.1:1"\n');
    await using proxy = new CliProcess(["-c", path]);
    await proxy.port();
    await writeFile(path, `listen = "127.0.0.1:0"\nupstream = "${name}:1"\n`);
    expect(await runCli("check", path)).toMatchObject({ code: 0, err: "" });
    proxy.child.kill("SIGHUP");
    await proxy.logged(/SIGHUP: 1 listener changed/);
    await proxy.logged(unknown);
    expect(await proxy.stop()).toMatchObject({ code: 0 });
  });
});
