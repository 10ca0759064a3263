import type { Candidates } from "./candidates.ts";

/**
 * The upstreams that are open and have a weight, in configuration order, laid out on a line on
 * which each is as long as its weight.
 *
 * Read again only when the candidates' version changes, so that a choice need not look at every
 * upstream. Places number the open ones, 0…count − 1; indices are the candidates' own. Belongs to a
 * balancer; allocates only when the number of upstreams grows.
 */
export class OpenUpstreams {
  count = 0;
  /** The sum of their weights; 0: none can be chosen. */
  totalWeight = 0;
  /** By place: the index. */
  indices: Int32Array = new Int32Array(0);
  /** By place: the weight, above 0. */
  weights: Int32Array = new Int32Array(0);
  /** By index: the weight; 0 for those that are not open. */
  weightOf: Int32Array = new Int32Array(0);
  /** By place: where it ends on the line. */
  private ends = new Float64Array(0);
  /**
   * The line cut into as many equal pieces as there are places: for each piece the first place that
   * reaches into it. From there to the place of a point it is one step on average, whereas a binary
   * search among a thousand takes ten, half of which the processor mispredicts.
   */
  private guide: Int32Array = new Int32Array(0);
  private piecesPerWeight = 0;
  private version = Number.NaN;

  /** Reads everything again if the version has changed. @returns whether it has */
  follow(candidates: Candidates): boolean {
    // Read first: what changes from here on is read at the next choice.
    const version = candidates.version;
    if (version === this.version) return false;
    this.version = version;
    this.read(candidates);
    return true;
  }

  /**
   * Draws a place by weight.
   *
   * @param chance 0 ≤ x < 1; 1 gives the last one
   */
  draw(chance: number): number {
    return this.at(Math.floor(chance * this.totalWeight));
  }

  /** Draws a place other than `place`; at least two are open. */
  drawOther(chance: number, place: number): number {
    const weight = this.weights[place] as number;
    const start = (this.ends[place] as number) - weight;
    const drawn = Math.floor(chance * (this.totalWeight - weight));
    // Without that place, those behind it move up by its weight.
    if (drawn < start) return this.at(drawn);
    const other = this.at(drawn + weight);
    // Only a chance of 1 leads to the last place itself.
    return other === place ? place - 1 : other;
  }

  /** The place at this point of the line; the last one for a point beyond its end. */
  private at(point: number): number {
    const { ends, guide } = this;
    const last = Math.min(point, this.totalWeight - 1);
    let place = guide[this.pieceOf(last)] as number;
    while (last >= (ends[place] as number)) place++;
    return place;
  }

  /** Monotonic in the point however it is rounded, and nothing else is required of it. */
  private pieceOf(point: number): number {
    return Math.floor(point * this.piecesPerWeight);
  }

  private read(candidates: Candidates): void {
    const all = candidates.count;
    if (all > this.indices.length) this.grow(all);
    const { indices, weights, weightOf, ends } = this;
    let count = 0;
    let total = 0;
    for (let index = 0; index < all; index++) {
      const weight = candidates.isOpen(index) ? candidates.weight(index) : 0;
      weightOf[index] = weight;
      if (weight === 0) continue;
      total += weight;
      indices[count] = index;
      weights[count] = weight;
      ends[count] = total;
      count++;
    }
    weightOf.fill(0, all);
    this.count = count;
    this.totalWeight = total;
    this.makeGuide();
  }

  private makeGuide(): void {
    const { count, totalWeight, ends, guide } = this;
    this.piecesPerWeight = totalWeight === 0 ? 0 : count / totalWeight;
    let piece = 0;
    for (let place = 0; place < count; place++) {
      const last = this.pieceOf((ends[place] as number) - 1);
      while (piece <= last) guide[piece++] = place;
    }
  }

  private grow(count: number): void {
    this.indices = new Int32Array(count);
    this.weights = new Int32Array(count);
    this.weightOf = new Int32Array(count);
    this.ends = new Float64Array(count);
    // One more, because the last point's piece may be rounded up.
    this.guide = new Int32Array(count + 1);
  }
}
