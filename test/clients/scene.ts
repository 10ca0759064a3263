import type { Address } from "../../src/base/address.ts";
import { Pattern } from "../fixtures/pattern.ts";
import { seeded } from "../fixtures/random.ts";
import { Cutter } from "./cutter.ts";
import { Proxied } from "./proxied.ts";
import type { RestartableUpstream } from "./redis-upstream.ts";
import { bounded, boundedClient, type ClientKind, type StoreClient } from "./store.ts";

/** One case's upstream, proxy and clients. */
export class Scene {
  /** Cuts connections between the proxy and the upstream; only in scenes that want it. */
  readonly cutter: Cutter | null;
  private readonly clients: StoreClient[] = [];
  private readonly proxies: Proxied[] = [];

  private constructor(
    readonly kind: ClientKind,
    readonly upstream: RestartableUpstream,
    cuts: boolean,
  ) {
    this.cutter = cuts ? new Cutter(this.upstreamAddress, seeded(7)) : null;
  }

  static async open(kind: ClientKind, cuts: boolean): Promise<Scene> {
    const scene = new Scene(kind, await kind.startUpstream(), cuts);
    await scene.startProxy();
    return scene;
  }

  /** The proxy; the last one, when there were several. */
  get proxied(): Proxied {
    const last = this.proxies.at(-1);
    if (last === undefined) throw new Error("a scene opens with a proxy");
    return last;
  }

  /** Starts a proxy, at the port of the one before it. */
  async startProxy(): Promise<void> {
    const upstream = this.cutter?.address ?? this.upstreamAddress;
    this.proxies.push(await Proxied.start(upstream, this.proxies.at(-1)?.port ?? 0));
  }

  /** A client of the proxy, connected, of which every call is bounded in time. */
  async client(): Promise<StoreClient> {
    const connecting = this.kind.connect(this.proxied.port);
    const client = boundedClient(await bounded(connecting, "connect"));
    this.clients.push(client);
    return client;
  }

  closeClients(): void {
    for (const client of this.clients.splice(0)) client.close();
  }

  /** Clears everything away, with an audit of what the proxies have left. */
  async close(): Promise<void> {
    this.closeClients();
    // Connections that a pool keeps for later end only when the proxy cuts them.
    if (this.kind.ownsConnection) await this.proxied.untilIdle();
    for (const proxied of this.proxies) {
      await proxied.stop(0);
      proxied.expectNothingLeft();
    }
  }

  /** As {@link close}, when the case has failed already. */
  async abandon(): Promise<void> {
    this.closeClients();
    for (const proxied of this.proxies) await proxied.stop(0);
    this.cutter?.close();
    await this.upstream[Symbol.asyncDispose]();
  }

  private get upstreamAddress(): Address {
    return { kind: "tcp", host: "127.0.0.1", port: this.upstream.port };
  }
}

/** Plays a case on a scene of its own, which is cleared away in any case. */
export async function withScene(
  kind: ClientKind,
  play: (scene: Scene) => Promise<void>,
  { cuts = false } = {},
): Promise<void> {
  const scene = await Scene.open(kind, cuts);
  try {
    await play(scene);
    await scene.close();
  } finally {
    await scene.abandon();
  }
}

/** The value that belongs to key `index`: bytes of a pattern that is this key's alone. */
export function valueFor(index: number, size: number): Buffer {
  return Buffer.from(new Pattern(index).bytes(size));
}
