import type { Clock } from "../../base/clock.ts";
import type { Reason } from "../../base/reason.ts";
import { listenerDefaults } from "../../config/defaults.ts";
import type { ListenerOptions, ValkeyOptions } from "../../config/options.ts";
import type { Inside, InsideOwner } from "../../relay/inside.ts";
import type { ExchangeCarrier, ValkeyListener } from "./carrier.ts";
import { Exchange } from "./exchange.ts";
import { TestServer, type TestServerConnection } from "./test-server.ts";

/** A listener of mode `valkey` as tests need it. */
export interface TestListener {
  readonly options: ListenerOptions;
  readonly account: ValkeyListener["account"];
}

/** Settings of mode `valkey` for tests. */
export function valkeyListener(valkey: Partial<ValkeyOptions> = {}): TestListener {
  const defaults: ValkeyOptions = {
    connections: 1,
    largeBytes: 1_024,
    leased: 4,
    leaseTimeoutMs: 1_000,
    backlogBytes: 4_096,
    retry: "none",
    slow: [],
    deny: [],
  };
  return {
    options: {
      ...listenerDefaults,
      address: { kind: "unix", path: "/test" },
      upstreams: [],
      mode: "valkey",
      valkey: { ...defaults, ...valkey },
    },
    account: { name: "test", addPage: () => {} },
  };
}

/** A relay with one side inside, as simple as can be: what is given to it lies there until it is taken away. */
export class TestInside implements Inside {
  isWanted = true;
  /** How many bytes it takes at a time. */
  most = Infinity;
  reason: Reason | null = null;
  wasConnected = false;
  /** What the owner has given, as Latin-1. */
  given = "";
  hasEnded = false;
  isOver = false;
  /** What the owner has not taken yet. */
  private waiting = Buffer.alloc(0);

  constructor(
    private readonly owner: InsideOwner,
    private readonly onGiven: () => void = () => {},
  ) {}

  get isDelivered(): boolean {
    return true;
  }

  give(bytes: Uint8Array): number {
    if (!this.isWanted || this.isOver) return 0;
    const taken = Math.min(bytes.length, this.most);
    this.given += Buffer.from(bytes.subarray(0, taken)).toString("latin1");
    if (taken > 0) this.onGiven();
    return taken;
  }

  /** The other end sends. */
  send(text: string): void {
    if (this.isOver) return;
    this.waiting = Buffer.concat([this.waiting, Buffer.from(text, "latin1")]);
    this.takeOn();
  }

  takeOn(): void {
    if (this.isOver || this.waiting.length === 0) return;
    const shown = this.waiting;
    // The bytes are valid during the call only.
    // A Buffer, of which a slice is no copy, as Bun's sockets bring it.
    const copy = Buffer.from(shown);
    const taken = this.owner.take(copy);
    copy.fill(0);
    this.waiting = this.waiting.subarray(taken);
  }

  giveEnd(): void {
    this.hasEnded = true;
  }

  retire(reason: Reason): void {
    this.close(reason);
  }

  cut(reason: Reason): void {
    this.close(reason);
  }

  /** The other end sends FIN. */
  finish(): void {
    this.owner.finished();
    if (this.hasEnded) this.close("client_fin");
  }

  /** The relay is over. */
  close(reason: Reason): void {
    if (this.isOver) return;
    this.isOver = true;
    this.reason = reason;
    this.owner.closed();
  }

  /** It takes so many bytes at a time from now on. */
  narrow(most: number): void {
    const isWider = most > this.most;
    this.most = most;
    if (isWider && this.isWanted && !this.isOver) this.owner.wanted();
  }

  /** It receives again, or no longer. */
  want(isWanted: boolean): void {
    if (this.isWanted === isWanted) return;
    this.isWanted = isWanted;
    if (isWanted) this.owner.wanted();
  }
}

/** A connection to the test's server, through a relay of {@link TestInside}. */
export interface TestUpstream {
  readonly inside: TestInside;
  readonly server: TestServerConnection;
}

/** An exchange between clients and a server that are not there but in memory. */
export class TestNetwork implements ExchangeCarrier<TestListener> {
  readonly server = new TestServer();
  readonly upstreams: TestUpstream[] = [];
  readonly exchange: Exchange<TestListener>;
  isStopping = false;
  readonly holdingsMax: number = 1024 * 1024;
  /** Dials fail. */
  isUnreachable = false;
  private ids = 0;

  constructor(
    readonly clock: Clock,
    public listener = valkeyListener(),
  ) {
    this.exchange = new Exchange<TestListener>(this);
  }

  insideListener(options: ListenerOptions): TestListener {
    return { options, account: { name: options.name ?? "", addPage: () => {} } };
  }

  dialInside(_: TestListener, owner: InsideOwner): Inside {
    const inside: TestInside = new TestInside(owner, () => {
      const request = inside.given;
      inside.given = "";
      server.receive(request);
    });
    const server = this.server.connect();
    if (this.isUnreachable) {
      inside.close("connect_refused");
      return inside;
    }
    inside.wasConnected = true;
    this.upstreams.push({ inside, server });
    return inside;
  }

  atTurnEnd(): void {}

  /** A client connects. */
  connect(): TestInside {
    const id = ++this.ids;
    const client = this.exchange.enter(this.listener, () => ({
      id,
      client: `10.0.0.1:${id}`,
      local: null,
      durationMs: 0,
    }));
    const inside = new TestInside(client);
    client.begin(inside);
    return inside;
  }

  /** Lets everything happen that can. */
  settle(): void {
    for (let before = -1; before !== this.moved; ) {
      before = this.moved;
      this.exchange.flush();
      for (const upstream of this.upstreams) this.answer(upstream, Infinity);
    }
  }

  /** The server's next bytes arrive. @param most how many */
  answer({ inside, server }: TestUpstream, most: number): void {
    const text = server.sends.slice(0, most);
    if (text === "") {
      inside.takeOn();
      return;
    }
    server.sends = server.sends.slice(text.length);
    this.answered += text.length;
    inside.send(text);
  }

  private answered = 0;

  private get moved(): number {
    return this.answered + this.server.executed.length + this.server.connections;
  }
}
