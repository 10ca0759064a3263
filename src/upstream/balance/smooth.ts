/**
 * nginx's smooth weighted round robin: of upstreams that weigh 5, 1 and 1 it takes a a b a c a a, not
 * five times the first in a row.
 *
 * Everyone's credit grows by their weight; the richest is taken and pays the sum of all weights. So a
 * credit says how far behind its share an upstream is. Who is left out keeps its credit and goes on
 * where it was, and the others stay in step among themselves.
 *
 * Who takes part may be others each time, and each time everyone is looked at: for many that mostly
 * stay the same there is `SmoothTurns`.
 */
export class SmoothOrder {
  /** By index; in units of the sum that was given last. */
  credits = new Float64Array(0);
  private lastTotal = 0;

  /**
   * @param indices whose turn it may be, ascending
   * @param weights by the same places: who takes part; 0 leaves one out
   * @param count how many places count
   * @param total their sum
   * @returns the index whose turn it is, the first of equals; −1 when the sum is 0
   */
  next(indices: Int32Array, weights: Int32Array, count: number, total: number): number {
    if (total === 0) return -1;
    this.prepare((indices[count - 1] as number) + 1, total);
    const credits = this.credits;
    let best = -1;
    let most = 0;
    for (let place = 0; place < count; place++) {
      const weight = weights[place] as number;
      if (weight === 0) continue;
      const index = indices[place] as number;
      const credit = (credits[index] as number) + weight;
      credits[index] = credit;
      if (best === -1 || credit > most) {
        best = index;
        most = credit;
      }
    }
    credits[best] = most - total;
    return best;
  }

  /** Has the credits of another order. @param numbers by index: which one it was there; −1 for none */
  succeed(before: SmoothOrder, numbers: Int32Array): void {
    this.credits = Float64Array.from(numbers, (number) => before.credits[number] ?? 0);
    this.lastTotal = before.lastTotal;
  }

  /** Makes room for indices below `count`, and lets credits be in units of another sum, above 0. */
  prepare(count: number, total: number): void {
    if (count > this.credits.length) this.grow(count);
    if (total !== this.lastTotal) this.rescale(total);
  }

  /**
   * Credits are in units of a sum. Without this an upstream that has just paid 60,000 would wait for
   * 60,000 turns after all weights were set to 1.
   */
  private rescale(total: number): void {
    const credits = this.credits;
    if (this.lastTotal > 0) {
      const factor = total / this.lastTotal;
      for (let index = 0; index < credits.length; index++) {
        credits[index] = (credits[index] ?? 0) * factor;
      }
    }
    this.lastTotal = total;
  }

  private grow(count: number): void {
    const credits = new Float64Array(count);
    credits.set(this.credits);
    this.credits = credits;
  }
}
