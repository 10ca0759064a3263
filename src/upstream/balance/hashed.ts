import type { Balancer, Candidates } from "./candidates.ts";
import { mix } from "./hash.ts";
import { MaglevTable } from "./maglev.ts";
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
 * entitles it to (Mirrokni, Thorup, Zadimoghaddam: consistent hashing with bounded loads).
 */
export class Hashed implements Balancer {
  private readonly table = new MaglevTable();
  private readonly snapshot = new Snapshot();

  /** The load bound in thousandths, a whole number, so that bounds are computed exactly; 0: none. */
  private readonly boundThousandths: number;

  /** @param boundedLoad c, at least 1, to three decimals; null: no bound */
  constructor(boundedLoad: number | null) {
    this.boundThousandths = boundedLoad === null ? 0 : Math.round(boundedLoad * 1_000);
  }

  choose(candidates: Candidates, hash: number): number {
    const { table, snapshot } = this;
    if (!table.isFor(candidates)) table.build(candidates);
    const isBounded = this.boundThousandths > 0;
    if (isBounded) this.readBelow(candidates);
    const attempts = table.isEmpty ? 0 : ATTEMPTS;
    for (let attempt = 0; attempt < attempts; attempt++) {
      // The first lookup is of a mixed number too: a poor hash, say an address as it is, does no harm.
      const number = mix(hash + attempt * ATTEMPT_STEP);
      const index = table.at(number);
      const weight = isBounded ? (snapshot.weights[index] ?? 0) : weightOf(candidates, index);
      if (weight === 0) continue;
      const full = table.weightOf(index);
      // Always true where the weight is the full one.
      if (mix(number ^ DRAW_SALT) * full < weight * 2 ** 32) return index;
    }
    if (!isBounded) snapshot.read(candidates);
    return this.chooseAmongAll(hash);
  }

  /**
   * Reads the candidates and leaves out those for which a new relay would be more than
   * ⌈c · (all relays + 1) · weight / all weights⌉, both sums over who may be chosen. As these bounds
   * add up to more than all relays, there is always one below its own.
   */
  private readBelow(candidates: Candidates): void {
    const snapshot = this.snapshot;
    const scale = snapshot.read(candidates) * 1_000;
    snapshot.readLoads(candidates);
    const { count, weights, running } = snapshot;
    const allowed = this.boundThousandths * (snapshot.totalRunning + 1);
    for (let index = 0; index < count; index++) {
      // running + 1 > ⌈x⌉ is running ≥ x, as running is a whole number.
      const isFull = (running[index] ?? 0) * scale >= allowed * (weights[index] ?? 0);
      if (isFull) weights[index] = 0;
    }
  }

  /**
   * Weighted rendezvous hashing: each upstream draws, from the hash and its name, how long it takes to
   * answer the call, the heavier the sooner, and the first is chosen. Nobody but the clients of an
   * upstream moves when it opens or closes, however few are open.
   */
  private chooseAmongAll(hash: number): number {
    const { count, weights } = this.snapshot;
    let best = -1;
    let soonest = Number.POSITIVE_INFINITY;
    for (let index = 0; index < count; index++) {
      const weight = weights[index] ?? 0;
      if (weight === 0) continue;
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

function weightOf(candidates: Candidates, index: number): number {
  return candidates.isOpen(index) ? candidates.weight(index) : 0;
}
