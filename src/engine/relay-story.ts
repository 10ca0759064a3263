import type { Address, ListenerOptions } from "../config/options.ts";
import { type Relay, RelayPhase } from "../flow/relay.ts";
import type { ListenerAccount } from "./account.ts";
import type { FlowStats } from "./engine.ts";
import { Summary } from "./summary.ts";
import { addFlow, flowStats } from "./tally.ts";

/** What of a listener a relay's story needs. */
interface StoryListener {
  readonly options: ListenerOptions;
  readonly account: ListenerAccount;
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
  /** Milliseconds from the acceptance to both facts; {@link NOT_YET} before them. */
  private dialMs = NOT_YET;
  private firstByteMs = NOT_YET;
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
    this.dialMs = NOT_YET;
    this.firstByteMs = NOT_YET;
    this.dials = 0;
    this.firstUpstream = listener.nextUpstream();
    this.movedBefore = 0;
  }

  /** An upstream has answered. */
  protected answered(): void {
    this.dialMs = performance.now() - this.startedAt;
  }

  /** The upstream's first bytes are here; call it before they are counted, for those only. */
  firstBytesCame(): void {
    if (this.firstByteMs === NOT_YET) this.firstByteMs = performance.now() - this.startedAt;
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

  /** Whether no other upstream will be dialled: what it is counted under stays. */
  get isDecided(): boolean {
    return this.relay.phase !== RelayPhase.Dialing;
  }

  /** Adds what its flows did so far to totals. */
  addTo(up: FlowStats, down: FlowStats): void {
    addFlow(up, this.relay.up, this.up.discards);
    addFlow(down, this.relay.down, this.down.discards);
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
      this.listener.account.name,
      this.clientAddress,
      this.upstreamAddress,
      performance.timeOrigin + this.startedAt,
      end - this.startedAt,
      this.dials,
      orNull(this.dialMs),
      orNull(this.firstByteMs),
      this.endedAt === 0 ? null : this.relay.reason,
      flowStats(this.relay.up, this.up.discards),
      flowStats(this.relay.down, this.down.discards),
    );
  }
}

/** Instead of a time: it has not come to that. */
const NOT_YET = -1;

function orNull(ms: number): number | null {
  return ms === NOT_YET ? null : ms;
}

/** Before the first tenant. */
const NO_ADDRESS = new Uint8Array(0);
