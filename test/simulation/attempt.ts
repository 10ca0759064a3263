import type { Address } from "../../src/base/address.ts";
import type { DialAttempt } from "../../src/relay/dialer.ts";
import type { Descriptors } from "../../src/system/descriptors.ts";
import { errnoName } from "../../src/system/linux.ts";
import { encodeSockaddr } from "../../src/system/sockaddr.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Connection } from "../kernel/connection.ts";
import type { Fate } from "../kernel/faults.ts";
import type { World } from "../kernel/world.ts";
import type { Witness } from "./witness.ts";

/** Who waits for an attempt. */
export interface AttemptOwner {
  attemptAnswered(attempt: SimulatedAttempt, connection: Connection): void;
  attemptLost(attempt: SimulatedAttempt, code: string): void;
}

/** What an attempt needs of its carrier. */
export interface AttemptHost {
  readonly attempts: Set<SimulatedAttempt>;
  readonly clock: Clock;
  readonly fate: Fate;
  readonly hall: { readonly descriptors: Descriptors; settleStop(): void };
  readonly isSlow: boolean;
  readonly witness: Witness;
  readonly world: World;
}

/** A try to connect: somebody answers, refuses, or keeps silent, some time. */
export class SimulatedAttempt implements DialAttempt {
  private connection: Connection | null = null;
  /** What comes of it, null for nothing, and when. */
  private verdict: number | string | null = null;
  private at = 0;
  private isWanted = true;

  constructor(
    private readonly carrier: AttemptHost,
    private readonly owner: AttemptOwner,
    readonly address: Address,
    /** For whom it is, as far as that is a relay's. */
    private readonly client: Connection | null = null,
  ) {}

  begin(): void {
    const { clock, fate, hall, world } = this.carrier;
    hall.descriptors.opened(1);
    this.carrier.attempts.add(this);
    const { result, withinMs } = world.dialVerdict(encodeSockaddr(this.address));
    this.at = clock.now + fate.random() * withinMs;
    this.verdict = fate.strikes("socket")
      ? "EMFILE"
      : fate.strikes("family")
        ? "EAFNOSUPPORT"
        : result;
    if (this.verdict === 0 && fate.strikes("itself")) this.verdict = "ECONNREFUSED";
    this.connection = world.connectionToUpstream();
  }

  abandon(): void {
    this.isWanted = false;
  }

  /** When it comes to something, if that is later than now. */
  get nextAt(): number {
    return this.verdict === null || this.at <= this.carrier.clock.now ? Infinity : this.at;
  }

  step(): boolean {
    const { carrier, connection, verdict } = this;
    if (connection === null || carrier.isSlow) return false;
    if (!this.isWanted) {
      this.over();
      return true;
    }
    if (verdict === null || carrier.clock.now < this.at) return false;
    if (verdict === 0) {
      carrier.attempts.delete(this);
      carrier.world.answer(connection);
      this.owner.attemptAnswered(this, connection);
    } else {
      this.over();
      carrier.witness.failed(this.client, verdict);
      this.owner.attemptLost(this, typeof verdict === "string" ? verdict : errnoName(-verdict));
    }
    return true;
  }

  private over(): void {
    const { attempts, hall } = this.carrier;
    if (this.connection !== null) this.connection.isClosed = true;
    attempts.delete(this);
    hall.descriptors.closed(1);
    hall.settleStop();
  }
}
