import { expect } from "bun:test";
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address } from "../../src/base/address.ts";
import type { ListenerOptions, MemoryOptions } from "../../src/config/options.ts";
import type { Engine } from "../../src/engine/engine.ts";
import type { RelaySummary } from "../../src/relay/ledger/stats.ts";
import type { TlsClientOptions } from "../../src/transport/tls/client-options.ts";
import type { TlsServerOptions } from "../../src/transport/tls/server-options.ts";
import type { ResolveName } from "../../src/upstream/names/ask.ts";
import { UpstreamTable } from "../../src/upstream/table.ts";
import { audit } from "../fixtures/audit.ts";
import { authority, server } from "../fixtures/certificates.ts";
import { End } from "../fixtures/end.ts";
import { engineOf, type NewEngine } from "../fixtures/engines.ts";
import { listener, rowed } from "../fixtures/options.ts";
import { descriptorsSince, openDescriptors } from "../fixtures/proc.ts";
import { ProxyProcess } from "../fixtures/proxy-process.ts";
import { Recorder } from "../fixtures/recorder.ts";
import { Refusing, Silent } from "../fixtures/system.ts";
import { type Behaviour, Upstream } from "../fixtures/upstream.ts";
import { LIVENESS_MS, waitFor } from "../fixtures/wait.ts";

/** Which kind of address: TCP over IPv4 or IPv6, or a unix socket. */
export type Kind = "tcp4" | "tcp6" | "unix";

/** How clients speak TLS. */
const clientTls = { ca: authority.cert, serverName: "localhost", rejectUnauthorized: true };

/** Scenes that are played now, and what was open before the first of them. */
const played = { count: 0, before: openDescriptors(), isLooking: false };

/**
 * The stage of one case: one engine, an observer that remembers, and every client, upstream and
 * process that the case makes. At the end it clears all of that away and audits the engine.
 */
export class Scene {
  readonly record = new Recorder();
  private readonly table = new UpstreamTable(1);
  readonly clients: End[] = [];
  /** Listeners whose clients speak TLS. */
  private readonly secured = new Set<string>();
  private readonly closers: (() => void)[] = [];
  private readonly refusers: Refusing[] = [];
  /** What the names of this case stand for; nobody knows any other. */
  private readonly names = new Map<string, readonly Address[]>();
  /** Names that are not answered yet, with whom to tell. */
  private readonly heldNames = new Map<string, (() => void)[]>();
  private made: Engine | null = null;
  private isOver = false;
  private folder: string | null = null;

  constructor(
    private readonly newEngine: NewEngine,
    private readonly memory: MemoryOptions,
    /** How clients' TLS ends at its listeners; null if they speak none. */
    private readonly tls: TlsServerOptions | null = null,
    /** How TLS begins with its upstreams; null if they speak none. */
    private readonly upstreamTls: TlsClientOptions | null = null,
  ) {
    this.table.openAll();
    // While somebody still looks for what those before have left, that is what there was before.
    if (played.count++ === 0 && !played.isLooking) played.before = openDescriptors();
  }

  /** The engine, made at the first use: some cases run theirs in a process of its own. */
  get engine(): Engine {
    const resolve: ResolveName = (address, _slot, answer) => {
      const host = address.kind === "tcp" ? address.host : address.path;
      const held = this.heldNames.get(host);
      if (held === undefined) answer(this.names.get(host) ?? []);
      else held.push(() => answer(this.names.get(host) ?? []));
    };
    this.made ??= this.newEngine(this.memory, this.record, resolve, this.table.memory);
    return this.made;
  }

  /** A host name that stands for these addresses, to be dialled in this order. */
  name(host: string, addresses: readonly Address[]): Address {
    this.names.set(host, addresses);
    return { kind: "tcp", host, port: 9 };
  }

  /** Gives the upstreams of the first rows these weights. */
  weigh(weights: readonly number[]): void {
    for (const [slot, weight] of weights.entries()) this.table.setWeight(slot, weight);
  }

  /** Whoever asks for that name waits. @returns how many do, and what answers them all */
  hold(host: string): { readonly waiting: number; answer(): void } {
    const held: (() => void)[] = [];
    this.heldNames.set(host, held);
    return {
      get waiting() {
        return held.length;
      },
      answer: () => {
        this.heldNames.delete(host);
        for (const tell of held) tell();
      },
    };
  }

  /**
   * How many clients of a crowd may connect at once. Over TLS few: Bun reads at most five sockets within their
   * handshakes in a pass of its loop, the newest first, and both ends share that loop with the engine. Among more, the oldest
   * would wait as long as new ones come.
   */
  get crowd(): number {
    return this.isPlain ? 50 : 2;
  }

  /** How often something is done. Over TLS a quarter of that: a handshake costs as much as ten relays. */
  times(count: number): number {
    return this.isPlain ? count : count / 4;
  }

  private get isPlain(): boolean {
    return this.tls === null && this.upstreamTls === null;
  }

  /** A fresh address to listen on. */
  async place(kind: Kind): Promise<Address> {
    if (kind === "tcp4") return { kind: "tcp", host: "127.0.0.1", port: 0 };
    if (kind === "tcp6") return { kind: "tcp", host: "::1", port: 0 };
    this.folder ??= await mkdtemp(join(tmpdir(), "ringway-"));
    return { kind: "unix", path: join(this.folder, `${this.closers.length}.sock`) };
  }

  /** An upstream that does `behaviour` with every connection. */
  async upstream(behaviour: Behaviour, kind: Kind = "tcp4"): Promise<Upstream> {
    const upstream = Upstream.listen(
      await this.place(kind),
      behaviour,
      this.upstreamTls === null ? null : server,
    );
    this.closers.push(() => upstream.close());
    return upstream;
  }

  /** An upstream that refuses. */
  refusing(): Address {
    const refusing = Refusing.open();
    this.closers.push(() => refusing.close());
    this.refusers.push(refusing);
    return refusing.address;
  }

  /** Lets somebody else have the address of an upstream that refuses. */
  free(address: Address): void {
    this.refusers.find((one) => one.address === address)?.close();
  }

  /** An upstream that does not answer, until it is woken. */
  async silent(): Promise<Silent> {
    const silent = await Silent.open();
    this.closers.push(() => silent.close());
    return silent;
  }

  /** The engine listens in front of these upstreams. */
  async listen(
    upstreams: readonly (Upstream | Address)[],
    options: Partial<ListenerOptions> = {},
  ): Promise<Address> {
    const addresses = upstreams.map((one) => (one instanceof Upstream ? one.address : one));
    const { tls, upstreamTls } = this;
    const { mirror = null } = options;
    // What comes by TLS is mirrored only where that was said.
    const isSecret = tls !== null || upstreamTls !== null;
    const copied = isSecret && mirror !== null ? { ...mirror, plainText: true } : mirror;
    const { address } = await this.engine.listen(
      listener({
        upstreams: addresses.map(rowed),
        tls,
        upstreamTls,
        ...options,
        mirror: copied,
      }),
    );
    if (tls !== null) this.secured.add(placeOf(address));
    return address;
  }

  /** A client that is connected to `address`. */
  async client(address: Address, prepare?: (end: End) => void): Promise<End> {
    const tls = this.secured.has(placeOf(address)) ? clientTls : null;
    const client = await End.connect(address, prepare, tls);
    this.clients.push(client);
    // Who is to wait for something else than its handshake gets none.
    for (let tries = 0; tls !== null && tries < 50 && !client.isOpen && !client.closed; tries++) {
      await Bun.sleep(2);
    }
    return client;
  }

  /** A client and the upstream's end of its relay. Only for cases whose relays begin one by one. */
  async pair(address: Address, upstream: Upstream): Promise<{ client: End; end: End }> {
    const index = upstream.ends.length;
    const client = await this.client(address);
    await waitFor(() => upstream.ends.length > index, "the relay reaches the upstream");
    return { client, end: upstream.end(index) };
  }

  /** This engine in a process of its own. */
  async process(
    options: Partial<ListenerOptions>,
    memory: MemoryOptions,
    descriptorLimit?: number,
  ): Promise<ProxyProcess> {
    const { name } = this.engine;
    engineOf(name);
    const given = { memory, listeners: [listener(options)] };
    const proxy = await ProxyProcess.start(name, given, descriptorLimit);
    this.closers.push(() => proxy.kill());
    return proxy;
  }

  /** Waits until `count` relays have ended and answers the `count`-th. */
  async ended(count: number, timeoutMs = LIVENESS_MS): Promise<RelaySummary> {
    const { record } = this;
    const what = () => `${count} relays have ended (${record.reasons.join(" ") || "none"})`;
    await waitFor(() => record.ended.length >= count, what, timeoutMs);
    return record.ended[count - 1] as RelaySummary;
  }

  /** Ends the case: everything of it goes, then nothing may be left of the engine either. */
  async close(): Promise<void> {
    for (const client of this.clients) if (!client.closed) client.reset();
    for (const close of this.closers) close();
    const engine = this.made;
    if (engine !== null) {
      const running = async () => `no relay runs (${JSON.stringify(await engine.relays())})`;
      await waitFor(() => engine.stats().relays.running === 0, running);
      await engine.stop(0);
      await waitFor(() => this.record.ended.length >= engine.stats().relays.ended, "all told");
      expect(await engine.relays()).toEqual([]);
      audit(engine.stats(), this.record, this.memory.segmentCount);
    }
    this.leave();
    // Of cases that are played beside each other the last one looks for all.
    if (played.count > 0) return;
    const left = () => descriptorsSince(played.before);
    played.isLooking = true;
    try {
      await waitFor(
        () => left() === "" || played.count > 0,
        () => `nothing is left open (${left()})`,
      );
    } finally {
      played.isLooking = left() !== "" && played.count > 0;
    }
  }

  private leave(): void {
    if (!this.isOver) played.count--;
    this.isOver = true;
  }

  /** For a case that failed: lets go of everything, asks nothing. */
  async abandon(): Promise<void> {
    this.leave();
    for (const client of this.clients) if (!client.closed) client.reset();
    for (const close of this.closers) close();
    await Promise.race([this.made?.stop(0), Bun.sleep(1_000)]);
  }

  /** Removes the files of the case. */
  clean(): void {
    if (this.folder !== null) rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Where a listener is, whichever of its addresses a client takes. */
function placeOf(address: Address): string {
  return address.kind === "unix" ? address.path : String(address.port);
}
