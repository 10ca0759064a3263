/**
 * nginx's smooth weighted round robin: for weights 5, 1 and 1 it takes a a b a c a a, not five
 * times the first in a row.
 *
 * In each turn every credit grows by its upstream's weight; the upstream with the highest credit is
 * taken and pays the sum of all weights. So a credit says how far an upstream is behind its share.
 * One that sits out keeps its credit and continues later, and the others stay in step.
 *
 * Others may take part each time, and each turn looks at all of them; for many upstreams that
 * mostly stay the same there is `SmoothTurns`.
 */
export class SmoothOrder {
  /** By index; in units of the last sum. */
  credits = new Float64Array(0);
  private lastTotal = 0;

  /**
   * @param indices upstreams that may take part, ascending
   * @param weights by place; 0 sits out
   * @param count how many places there are
   * @param total the sum of `weights`
   * @returns the index whose turn it is, the first of equals; −1 if the sum is 0
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

  /**
   * Takes over the credits of another order.
   *
   * @param numbers by index: its index there; −1 for none
   */
  succeed(before: SmoothOrder, numbers: Int32Array): void {
    this.credits = Float64Array.from(numbers, (number) => before.credits[number] ?? 0);
    this.lastTotal = before.lastTotal;
  }

  /**
   * Makes room for indices below `count`, and converts credits to units of another sum, above 0.
   */
  prepare(count: number, total: number): void {
    if (count > this.credits.length) this.grow(count);
    if (total !== this.lastTotal) this.rescale(total);
  }

  /**
   * Credits are in units of the sum. Without the conversion an upstream that has just paid 60,000
   * would wait for 60,000 turns after all weights were set to 1.
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
