import type { Candidates } from "./candidates.ts";

/**
 * Who may be chosen, as far as health and administration say: those that are open and have a weight,
 * in the order of the configuration, on a line on which each lies as long as it is heavy.
 *
 * Kept until the candidates' version is another one, so that a choice need not look at everyone.
 * Places are those of the open ones, 0…count − 1; indices are the candidates' own. Belongs to a
 * balancer; memory is taken only when the number of upstreams grows.
 */
export class OpenUpstreams {
  /** How many are open. */
  count = 0;
  /** The sum of their weights; 0: nobody may be chosen. */
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
   * The line cut into as many equal pieces as there are places: the first place that reaches into each
   * or behind it. From there it is one step to the place of a point, on average, while halving takes ten
   * among a thousand, each of which the processor guesses wrong half of the time.
   */
  private guide: Int32Array = new Int32Array(0);
  private piecesPerWeight = 0;
  private version = Number.NaN;

  /** Makes it anew when something has changed. @returns whether that was so */
  follow(candidates: Candidates): boolean {
    // Before anything else is read: what changes meanwhile is read once more at the next choice.
    const version = candidates.version;
    if (version === this.version) return false;
    this.version = version;
    this.read(candidates);
    return true;
  }

  /**
   * The place of someone by weight.
   *
   * @param chance 0 ≤ x < 1; 1 leads to the last one
   */
  draw(chance: number): number {
    return this.at(Math.floor(chance * this.totalWeight));
  }

  /** The same without the one at `place`, of at least two. */
  drawOther(chance: number, place: number): number {
    const weight = this.weights[place] as number;
    const start = (this.ends[place] as number) - weight;
    const drawn = Math.floor(chance * (this.totalWeight - weight));
    // On the line without it, those behind it lie nearer by its weight.
    if (drawn < start) return this.at(drawn);
    const other = this.at(drawn + weight);
    // Where a random number of 1 would lead when it is itself the last one.
    return other === place ? place - 1 : other;
  }

  /** Who lies there on the line; the last one for what is behind its end. */
  private at(point: number): number {
    const { ends, guide } = this;
    const last = Math.min(point, this.totalWeight - 1);
    let place = guide[this.pieceOf(last)] as number;
    while (last >= (ends[place] as number)) place++;
    return place;
  }

  /** Never less for a point farther on, however it is rounded; that is all that it has to be. */
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
    // One more, as the last point's piece may be rounded up.
    this.guide = new Int32Array(count + 1);
  }
}
