import { expect, setDefaultTimeout, test } from "bun:test";
import type { TcpAddress } from "../../src/base/address.ts";
import { defaults, uringDefaults } from "../../src/config/defaults.ts";
import { plainUpstream } from "../../src/config/listeners.ts";
import type { ListenerOptions } from "../../src/config/options.ts";
import { RunningProxy } from "../../src/control/proxy.ts";
import type { Fields, UpstreamEvent } from "../../src/relay/events.ts";
import type { CheckOptions } from "../../src/upstream/health/check-options.ts";
import { checkOptions } from "../../src/upstream/health/test-redis.ts";
import { resolveName } from "../../src/upstream/names/resolver.ts";
import { TestAuthority } from "../../src/upstream/names/test-authority.ts";
import { TestClock } from "../../src/upstream/names/test-clock.ts";
import { End } from "../fixtures/end.ts";
import { listener, plainMemory } from "../fixtures/options.ts";
import { Recorder } from "../fixtures/recorder.ts";
import { Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import { onBothEngines, type Stage } from "../hostile/stages.ts";

// Upstreams that are host names and are checked: clients get to addresses that are well, and to no other.

setDefaultTimeout(30_000);

const HOSTS = ["127.0.0.2", "127.0.0.3", "127.0.0.4"] as const;
type Host = (typeof HOSTS)[number];

/** What answers checks as a Redis would, and clients with its own address. */
class Server {
  /** What PING gets; null: nothing at all. */
  pong: string | null = "+PONG";
  role: "master" | "slave" = "master";
  clients = 0;
  readonly upstream: Upstream;

  constructor(
    readonly host: Host,
    port: number,
  ) {
    this.upstream = Upstream.listen({ kind: "tcp", host, port }, (end) => {
      end.onData = (self, chunk) => {
        const text = Buffer.from(chunk).toString();
        if (text.includes("PING")) {
          if (this.pong !== null) self.send(`${this.pong}\r\n${this.roleText}`);
          return;
        }
        this.clients++;
        self.send(this.host);
      };
    });
  }

  get port(): number {
    return (this.upstream.address as TcpAddress).port;
  }

  private get roleText(): string {
    if (this.role === "master") return "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
    return "*5\r\n$5\r\nslave\r\n$1\r\na\r\n:1\r\n$9\r\nconnected\r\n:0\r\n";
  }
}

class Observer extends Recorder {
  readonly events: UpstreamEvent[] = [];
  readonly addresses: Fields<"addressChanged">[] = [];
  readonly primaries: string[][] = [];
  upstreamChanged(event: UpstreamEvent): void {
    this.events.push(event);
  }
  primariesChanged({ upstreams }: Fields<"primariesChanged">): void {
    this.primaries.push([...upstreams]);
  }
  addressChanged(event: Fields<"addressChanged">): void {
    this.addresses.push(event);
  }
}

/** A proxy whose upstream is `a.test`, of which a DNS of the test's own knows the addresses. */
class Scene implements AsyncDisposable {
  readonly record = new Observer();
  readonly clock = new TestClock();
  readonly servers: Record<Host, Server>;
  private readonly clients: End[] = [];
  proxy: RunningProxy | null = null;
  /** Seconds for which answers hold. */
  ttl = 1;

  private constructor(
    readonly authority: TestAuthority,
    private readonly stage: Stage,
  ) {
    const first = new Server(HOSTS[0], 0);
    const others = HOSTS.slice(1).map((host) => [host, new Server(host, first.port)]);
    this.servers = Object.fromEntries([[first.host, first], ...others]);
  }

  static async make(stage: Stage, ...hosts: Host[]): Promise<Scene> {
    const scene = new Scene(await TestAuthority.start(), stage);
    scene.names(...hosts);
    return scene;
  }

  names(...hosts: Host[]): void {
    this.authority.addresses("a.test", hosts, this.ttl);
  }

  listener(more: Partial<CheckOptions> = {}): ListenerOptions {
    const { port } = this.servers["127.0.0.2"];
    const check = checkOptions({
      kind: "redis",
      intervalMs: 100,
      fastIntervalMs: 50,
      timeoutMs: 500,
      ...more,
    });
    return listener({
      upstreams: [plainUpstream({ kind: "tcp", host: "a.test", port })],
      health: { ...listener({}).health, check, ejection: null },
    });
  }

  async start(...listeners: ListenerOptions[]): Promise<RunningProxy> {
    const servers = [this.authority.server];
    const names = {
      clock: this.clock,
      random: () => 0,
      resolve: (name: string) => resolveName(name, { servers, system: null, timeoutMs: 4_000 }),
    };
    const rest = { totalRelays: 0, memory: plainMemory, uring: uringDefaults, dnsServers: [] };
    const { drainTimeoutMs } = defaults;
    const { engine, workers } = this.stage;
    const all = listeners.map((one) => ({ ...one, engine }));
    const options = { listeners: all, workers, ...rest, drainTimeoutMs };
    this.proxy = await RunningProxy.start(options, this.record, undefined, names);
    return this.proxy;
  }

  /** Who serves a client of one of the listeners; empty for nobody. */
  async served(index = 0): Promise<string> {
    const running = this.proxy?.listeners[index];
    if (running === undefined) throw new Error("there is a listener");
    const client = await End.connect(running.address, (end) => {
      end.keeps = true;
    });
    this.clients.push(client);
    client.send("WHO");
    await waitFor(() => client.receivedBytes > 0 || client.closed, "the client hears something");
    const heard = Buffer.concat(client.chunks).toString();
    client.reset();
    return heard;
  }

  /** The same of several, one after the other: whom all of them have got. */
  async allServed(count: number, index = 0): Promise<string[]> {
    const heard = new Set<string>();
    for (let turn = 0; turn < count; turn++) heard.add(await this.served(index));
    return [...heard].toSorted();
  }

  /** The addresses as the API shows them: `127.0.0.2 up`. */
  addresses(index = 0): string[] {
    const { addresses = [] } = this.proxy?.upstreams.views()[index] ?? {};
    return addresses.map(({ address, health, isCurrent }) => {
      return `${address} ${health}${isCurrent ? "" : ", left"}`;
    });
  }

  async shows(...lines: string[]): Promise<void> {
    await waitFor(
      () => Bun.deepEquals(this.addresses().toSorted(), lines.toSorted()),
      () => `the addresses are ${lines.join("; ")}, not ${this.addresses().join("; ")}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) client.reset();
    await this.proxy?.stop(0);
    for (const { upstream } of Object.values(this.servers)) upstream.close();
    this.authority[Symbol.dispose]();
  }
}

onBothEngines("the addresses of a name are checked, each by itself", (stage) => {
  test("clients at the start wait for the first check", async () => {
    await using scene = await Scene.make(stage, "127.0.0.2", "127.0.0.3");
    scene.servers["127.0.0.2"].role = "slave";
    await scene.start(scene.listener({ role: "primary" }));
    const all = await Promise.all(Array.from({ length: 10 }, () => scene.served()));
    expect(new Set(all)).toEqual(new Set(["127.0.0.3"]));
    expect(scene.servers["127.0.0.2"].clients).toBe(0);
  });

  test("a name that moves from a primary to a replica keeps its clients with the primary", async () => {
    await using scene = await Scene.make(stage, "127.0.0.2");
    scene.servers["127.0.0.3"].role = "slave";
    await scene.start(scene.listener({ role: "primary" }));
    expect(await scene.served()).toBe("127.0.0.2");
    scene.names("127.0.0.3");
    scene.clock.advance(1_000);
    await scene.shows("127.0.0.2 up, left", "127.0.0.3 down");
    expect(await scene.allServed(30)).toEqual(["127.0.0.2"]);
    expect(scene.servers["127.0.0.3"].clients).toBe(0);
    expect(scene.record.events).toEqual([]);
    // It is promoted: now the old one has nothing to say any more.
    scene.servers["127.0.0.3"].role = "master";
    await scene.shows("127.0.0.3 up");
    expect(await scene.allServed(5)).toEqual(["127.0.0.3"]);
  });

  test("the last good address that falls as well takes the upstream down", async () => {
    await using scene = await Scene.make(stage, "127.0.0.2");
    await scene.start(scene.listener());
    expect(await scene.served()).toBe("127.0.0.2");
    scene.servers["127.0.0.3"].pong = "-LOADING";
    scene.names("127.0.0.3");
    scene.clock.advance(1_000);
    await scene.shows("127.0.0.2 up, left", "127.0.0.3 down");
    scene.servers["127.0.0.2"].pong = "-LOADING";
    await waitFor(() => scene.record.events.length === 1, "the upstream is down");
    expect(scene.record.events[0]).toMatchObject({ upstream: expect.any(String), to: "down" });
    expect(await scene.served()).toBe("");
    expect(scene.servers["127.0.0.3"].clients).toBe(0);
  });

  test("of two addresses the one that is not well gets nobody", async () => {
    await using scene = await Scene.make(stage, "127.0.0.2", "127.0.0.3");
    scene.servers["127.0.0.3"].pong = "-LOADING Redis is loading";
    await scene.start(scene.listener());
    await scene.shows("127.0.0.2 up", "127.0.0.3 down");
    expect(await scene.allServed(20)).toEqual(["127.0.0.2"]);
    expect(scene.record.addresses[0]).toMatchObject({
      address: "127.0.0.3",
      isWell: false,
      why: expect.stringContaining("-LOADING"),
    });
    scene.servers["127.0.0.3"].pong = "+PONG";
    await scene.shows("127.0.0.2 up", "127.0.0.3 up");
    expect(await scene.allServed(10)).toEqual(["127.0.0.2", "127.0.0.3"]);
    scene.servers["127.0.0.2"].pong = "-LOADING Redis is loading";
    await scene.shows("127.0.0.2 down", "127.0.0.3 up");
    expect(await scene.allServed(20)).toEqual(["127.0.0.3"]);
    // Nothing of that is the upstream's end.
    expect(scene.record.events).toEqual([]);
  });

  test("two listeners may want of the same name another role each", async () => {
    await using scene = await Scene.make(stage, "127.0.0.2", "127.0.0.3");
    scene.servers["127.0.0.3"].role = "slave";
    await scene.start(scene.listener({ role: "primary" }), scene.listener({ role: "replica" }));
    await scene.shows("127.0.0.2 up", "127.0.0.3 down");
    expect(await scene.allServed(10, 0)).toEqual(["127.0.0.2"]);
    expect(await scene.allServed(10, 1)).toEqual(["127.0.0.3"]);
  });

  test("an upstream that a reload brings gets nobody before a check has succeeded", async () => {
    await using scene = await Scene.make(stage, "127.0.0.2");
    const options = scene.listener();
    const proxy = await scene.start(options);
    await scene.shows("127.0.0.2 up");
    // It never answers a check, which takes its time.
    scene.servers["127.0.0.4"].pong = null;
    const { port } = scene.servers["127.0.0.4"];
    const literal = plainUpstream({ kind: "tcp", host: "127.0.0.4", port } as const);
    const upstreams = [...options.upstreams, literal];
    await proxy.reload({ ...proxy.options, listeners: [{ ...options, upstreams }] });
    expect(await scene.allServed(20)).toEqual(["127.0.0.2"]);
    scene.servers["127.0.0.4"].pong = "+PONG";
    await waitFor(() => proxy.upstreams.views()[1]?.isOpen === true, "the new one is well");
    expect(await scene.allServed(10)).toEqual(["127.0.0.2", "127.0.0.4"]);
  });

  test("without a check nothing is kept from anybody", async () => {
    await using scene = await Scene.make(stage, "127.0.0.2", "127.0.0.3");
    const options = scene.listener();
    await scene.start({ ...options, health: { ...options.health, check: null } });
    await scene.shows("127.0.0.2 unknown", "127.0.0.3 unknown");
    expect(await scene.allServed(10)).toEqual(["127.0.0.2", "127.0.0.3"]);
  });
});

onBothEngines("two upstreams that both say they are the primary", (stage) => {
  test("are told of by their names, and counted", async () => {
    await using scene = await Scene.make(stage, "127.0.0.2");
    const options = scene.listener({ role: "primary" });
    const at = (host: Host) => {
      return plainUpstream({ kind: "tcp", host, port: scene.servers[host].port } as const);
    };
    const upstreams = [at("127.0.0.2"), at("127.0.0.3")];
    scene.servers["127.0.0.3"].role = "slave";
    // The same server by another name is no second one.
    const all = [...upstreams, ...options.upstreams];
    const proxy = await scene.start({ ...options, upstreams: all });
    const counts = () => proxy.upstreams.views().map(({ primaries }) => primaries);
    await waitFor(() => Bun.deepEquals(counts(), [1, 0, 1]), "all were checked");
    expect(scene.record.primaries).toEqual([]);
    scene.servers["127.0.0.3"].role = "master";
    await waitFor(() => scene.record.primaries.length === 1, "that is told");
    const { port } = scene.servers["127.0.0.2"];
    expect(scene.record.primaries).toEqual([[`127.0.0.2:${port}`, `127.0.0.3:${port}`]]);
    scene.servers["127.0.0.2"].role = "slave";
    await waitFor(() => scene.record.primaries.length === 2, "that it is over is told");
    expect(scene.record.primaries[1]).toEqual([`127.0.0.3:${port}`]);
  });

  test("may be two addresses of one name", async () => {
    await using scene = await Scene.make(stage, "127.0.0.2", "127.0.0.3");
    const proxy = await scene.start(scene.listener({ role: "primary" }));
    await waitFor(() => scene.record.primaries.length === 1, "that is told");
    const { port } = scene.servers["127.0.0.2"];
    expect(scene.record.primaries[0]).toEqual([
      `a.test:${port} (127.0.0.2)`,
      `a.test:${port} (127.0.0.3)`,
    ]);
    expect(proxy.upstreams.views()[0]?.primaries).toBe(2);
  });
});

onBothEngines(
  "a name whose address has gone is asked for again before its TTL is over",
  (stage) => {
    const unchecked = (options: ListenerOptions) => {
      return { ...options, health: { ...options.health, check: null } };
    };

    /** Workers tell of failed dials a little later: a moment goes by with each look. */
    const moves = async (scene: Scene, to: Host) => {
      await waitFor(() => {
        scene.clock.advance(1);
        return scene.proxy?.upstreams.views()[0]?.addresses[0]?.address === to;
      }, "the new address is known");
    };

    test("when a dial is refused", async () => {
      await using scene = await Scene.make(stage);
      scene.ttl = 600;
      scene.names("127.0.0.2");
      await scene.start(unchecked(scene.listener()));
      expect(await scene.served()).toBe("127.0.0.2");
      scene.servers["127.0.0.2"].upstream.close();
      scene.names("127.0.0.3");
      const before = scene.authority.count("a.test");
      scene.clock.advance(1_000);
      // Nobody has asked, as nothing was known to be wrong.
      expect(scene.authority.count("a.test")).toBe(before);
      expect(await scene.served()).toBe("");
      await moves(scene, "127.0.0.3");
      expect(await scene.served()).toBe("127.0.0.3");
    });

    test("when a check fails", async () => {
      await using scene = await Scene.make(stage);
      scene.ttl = 600;
      scene.names("127.0.0.2");
      await scene.start(scene.listener());
      expect(await scene.served()).toBe("127.0.0.2");
      scene.names("127.0.0.3");
      scene.servers["127.0.0.2"].pong = "-LOADING";
      scene.clock.advance(1_000);
      await scene.shows("127.0.0.2 down");
      scene.clock.advance(1);
      await scene.shows("127.0.0.3 up");
      expect(await scene.served()).toBe("127.0.0.3");
    });
  },
);
