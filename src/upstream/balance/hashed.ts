import type { Balancer, Candidates } from "./candidates.ts";
import { mix } from "./hash.ts";
import { MaglevTable } from "./maglev.ts";
import { OpenUpstreams } from "./open-upstreams.ts";
import { Snapshot } from "./snapshot.ts";

/**
 * How often a hash is looked up before everyone is asked. With half of the upstreams closed, one
 * choice in 256 gets that far.
 */
const ATTEMPTS = 8;

/** Any odd number far from simple ones: attempts of one hash must not be those of its neighbour. */
const ATTEMPT_STEP = 0x9e37_79b9;

/** Makes of a number a draw that says nothing about the slot that it leads to. */
const DRAW_SALT = 0x7feb_352d;

/**
 * The same upstream for the same hash: a lookup in a {@link MaglevTable}, and when that upstream takes
 * nobody, further lookups with other numbers made from the hash. So the clients of a failed upstream
 * spread over all others by weight, always the same way, and nobody else moves.
 *
 * The table is built from full weights. While slow start holds an upstream's weight lower, a draw made
 * from the hash passes it over as often as it is lower: it gets its clients back one after the other.
 *
 * With a load bound c nobody gets more than c times the share of running relays that its weight
 * entitles it to (Mirrokni, Thorup, Zadimoghaddam: consistent hashing with bounded loads). For that all
 * relays are summed up at each choice, so it takes the longer the more upstreams are open.
 */
export class Hashed implements Balancer {
  private readonly table = new MaglevTable();
  private readonly open = new OpenUpstreams();
  private readonly snapshot = new Snapshot();

  /** The load bound in thousandths, a whole number, so that bounds are computed exactly; 0: none. */
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
      // The first lookup is of a mixed number too: a poor hash, say an address as it is, does no harm.
      const number = mix(hash + attempt * ATTEMPT_STEP);
      const index = table.at(number);
      const weight = open.weightOf[index] ?? 0;
      if (weight === 0 || !candidates.isFree(index)) continue;
      if (isBounded && this.isAtBound(candidates.running(index), weight)) continue;
      const full = table.weightOf(index);
      // Always true where the weight is the full one.
      if (mix(number ^ DRAW_SALT) * full < weight * 2 ** 32) return index;
    }
    if (!isBounded) this.snapshot.read(candidates, open);
    return this.chooseAmongAll(hash);
  }

  /**
   * Reads the candidates and leaves out those for which a new relay would be more than
   * ⌈c · (all relays + 1) · weight / all weights⌉, both sums over who may be chosen. As these bounds
   * add up to more than all relays, there is always one below its own.
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
    // running + 1 > ⌈x⌉ is running ≥ x, as running is a whole number.
    const allowed = this.boundThousandths * (totalRunning + 1) * weight;
    return running * totalWeight * 1_000 >= allowed;
  }

  /**
   * Weighted rendezvous hashing: each upstream draws, from the hash and its name, how long it takes to
   * answer the call, the heavier the sooner, and the first is chosen. Nobody but the clients of an
   * upstream moves when it opens or closes, however few are open.
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
