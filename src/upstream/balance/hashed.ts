import type { Balancer, Candidates } from "./candidates.ts";
import { mix } from "./hash.ts";
import { MaglevTable } from "./maglev.ts";
import { OpenUpstreams } from "./open-upstreams.ts";
import { Snapshot } from "./snapshot.ts";

/**
 * How many lookups to make before asking every upstream. If half of the upstreams are closed, one
 * choice in 256 gets that far.
 */
const ATTEMPTS = 8;

/** Any large odd number, so that the attempts of one hash differ from those of its neighbour. */
const ATTEMPT_STEP = 0x9e37_79b9;

/** Makes a draw from a number that is independent of the slot that the number leads to. */
const DRAW_SALT = 0x7feb_352d;

/**
 * The same upstream for the same hash: a lookup in a {@link MaglevTable}. If that upstream takes no
 * relay, more numbers derived from the hash are looked up. So the clients of a failed upstream
 * spread over all others by weight, always in the same way, and no other client moves.
 *
 * The table is built from full weights. While slow start reduces an upstream's weight, a draw made
 * from the hash skips it in proportion, so that its clients come back gradually.
 *
 * With a load bound c, no upstream gets more than c times the share of running relays that its
 * weight entitles it to (Mirrokni, Thorup, Zadimoghaddam: consistent hashing with bounded loads).
 * Each choice then sums up all relays, so its time grows with the number of open upstreams.
 */
export class Hashed implements Balancer {
  private readonly table = new MaglevTable();
  private readonly open = new OpenUpstreams();
  private readonly snapshot = new Snapshot();

  /** The load bound in thousandths, a whole number, so that bounds are exact; 0: none. */
  private readonly boundThousandths: number;

  /** @param boundedLoad c, at least 1, to three decimals; null: no bound */
  constructor(boundedLoad: number | null) {
    this.boundThousandths = boundedLoad === null ? 0 : Math.round(boundedLoad * 1_000);
  }

  choose(candidates: Candidates, hash: number): number {
    const { table, open } = this;
    if (open.follow(candidates) && !table.isFor(candidates)) table.build(candidates);
    if (open.count === 0) return -1;
    const isBounded = this.boundThousandths > 0;
    if (isBounded) this.readBelow(candidates);
    const attempts = table.isEmpty ? 0 : ATTEMPTS;
    for (let attempt = 0; attempt < attempts; attempt++) {
      // The first number is mixed, too, so that a poor hash, such as a plain address, does no harm.
      const number = mix(hash + attempt * ATTEMPT_STEP);
      const index = table.at(number);
      const weight = open.weightOf[index] ?? 0;
      if (weight === 0 || !candidates.isFree(index)) continue;
      if (isBounded && this.isAtBound(candidates.running(index), weight)) continue;
      const full = table.weightOf(index);
      // Always true if the weight is the full one.
      if (mix(number ^ DRAW_SALT) * full < weight * 2 ** 32) return index;
    }
    if (!isBounded) this.snapshot.read(candidates, open);
    return this.chooseAmongAll(hash);
  }

  /**
   * Reads the candidates, except those that would exceed ⌈c · (all relays + 1) · weight / all
   * weights⌉ with one more relay; both sums are over the free ones. These bounds add up to more
   * than all relays, so at least one upstream is below its own.
   */
  private readBelow(candidates: Candidates): void {
    const { snapshot, open } = this;
    snapshot.read(candidates, open);
    snapshot.readLoads(candidates, open);
    const { count, weights, running } = snapshot;
    for (let place = 0; place < count; place++) {
      if (this.isAtBound(running[place] as number, weights[place] as number)) weights[place] = 0;
    }
  }

  private isAtBound(running: number, weight: number): boolean {
    const { totalWeight, totalRunning } = this.snapshot;
    // running + 1 > ⌈x⌉ means running ≥ x, because running is a whole number.
    const allowed = this.boundThousandths * (totalRunning + 1) * weight;
    return running * totalWeight * 1_000 >= allowed;
  }

  /**
   * Weighted rendezvous hashing: each upstream draws a time from the hash and its name, shorter on
   * average if it is heavier, and the shortest time wins. When an upstream opens or closes only its
   * own clients move, however few upstreams are open.
   */
  private chooseAmongAll(hash: number): number {
    const { count, weights } = this.snapshot;
    const { indices } = this.open;
    let best = -1;
    let soonest = Number.POSITIVE_INFINITY;
    for (let place = 0; place < count; place++) {
      const weight = weights[place] as number;
      if (weight === 0) continue;
      const index = indices[place] as number;
      const draw = (mix(hash ^ this.table.nameOf(index)) + 1) / 2 ** 32;
      const time = -Math.log(draw) / weight;
      if (time < soonest) {
        best = index;
        soonest = time;
      }
    }
    return best;
  }
}
