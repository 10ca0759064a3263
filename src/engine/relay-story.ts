import type { Address, ListenerOptions } from "../config/options.ts";
import type { Relay } from "../flow/relay.ts";
import { Summary } from "./summary.ts";
import { flowStats } from "./tally.ts";

/** What of a listener a relay's story needs. */
interface StoryListener {
  readonly options: ListenerOptions;
  nextUpstream(): number;
}

/** What of a lane a relay's story needs. */
interface StoryLane {
  readonly discards: boolean;
}

/**
 * What can be told of a relay whatever carries it: who its client is, since when, which upstream it
 * dials, whether it moves. Each engine's conduit is one, reused from tenant to tenant.
 */
export abstract class RelayStory<L extends StoryListener = StoryListener> {
  abstract readonly relay: Relay;
  abstract readonly up: StoryLane;
  abstract readonly down: StoryLane;

  id = 0;
  /** Dials that were begun. */
  dials = 0;
  /** The client's address, in the kernel's form. Its summary keeps it: each tenant has its own. */
  private clientAddress: Uint8Array = NO_ADDRESS;
  /** Both on the monotonic clock, in milliseconds; `endedAt` is 0 while it runs. */
  private startedAt = 0;
  private endedAt = 0;
  /** Which of the listener's upstreams is dialled first; the others follow in their order. */
  private firstUpstream = 0;
  /** Bytes that had moved when {@link stalled} last looked. */
  private movedBefore = 0;

  /** @param listener whose client it carries now; set anew for each tenant */
  constructor(public listener: L) {}

  /** Bytes for either end that only our kernel has. */
  protected abstract get unsent(): number;

  /** A tenancy begins. */
  protected begins(id: number, clientAddress: Uint8Array, listener: L): void {
    this.id = id;
    this.clientAddress = clientAddress;
    this.listener = listener;
    this.startedAt = performance.now();
    this.endedAt = 0;
    this.dials = 0;
    this.firstUpstream = listener.nextUpstream();
    this.movedBefore = 0;
  }

  /** The tenancy is over. */
  protected ends(): void {
    this.endedAt = performance.now();
  }

  /** Whether there is an upstream that was not dialled for this tenant yet. */
  protected get hasAnother(): boolean {
    return this.dials < this.listener.options.upstreams.length;
  }

  /** Where the dial that was begun last goes to; null before the first. */
  get upstreamAddress(): Address | null {
    const { upstreams } = this.listener.options;
    if (this.dials === 0) return null;
    return upstreams[(this.firstUpstream + this.dials - 1) % upstreams.length] ?? null;
  }

  /** Bytes that were received and sent, in both directions. */
  get movedBytes(): number {
    const { up, down } = this.relay;
    return up.receivedBytes + up.sentBytes + down.receivedBytes + down.sentBytes;
  }

  /** Whether something is on its way: a dial, or bytes that are queued here or not yet taken. */
  get isCarrying(): boolean {
    const { up, down, dialing } = this.relay;
    return dialing || up.size > 0 || down.size > 0 || this.unsent > 0;
  }

  /** Whether not a byte has moved since this was asked before. */
  stalled(): boolean {
    const moved = this.movedBytes - this.unsent;
    const still = moved === this.movedBefore;
    this.movedBefore = moved;
    return still;
  }

  /** This relay's story until now. */
  summary(): Summary {
    const end = this.endedAt === 0 ? performance.now() : this.endedAt;
    return new Summary(
      this.id,
      this.clientAddress,
      this.upstreamAddress,
      performance.timeOrigin + this.startedAt,
      end - this.startedAt,
      this.dials,
      this.endedAt === 0 ? null : this.relay.reason,
      flowStats(this.relay.up, this.up.discards),
      flowStats(this.relay.down, this.down.discards),
    );
  }
}

/** Before the first tenant. */
const NO_ADDRESS = new Uint8Array(0);
