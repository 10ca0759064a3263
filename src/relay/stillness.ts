import type { Idleness } from "./idle-looks.ts";

/** What a check asks about: traffic that is missing, or a relay that is about to end and stands still. */
export type Looked = Idleness | typeof STALL;

/** Beside {@link Idleness}: bytes that have left, or have come. */
export const STALL = 3;

/** What the checks of one relay have found. Few relays live to see one, so it is made for the first. */
export class Stillness {
  /** Bytes that had moved at the last check of each kind. */
  private readonly moved = [0, 0, 0, 0];
  private readonly still = [0, 0, 0, 0];

  /** @returns how many checks of this kind in a row, this one included, found that no byte had moved */
  look(which: Looked, moved: number, isHeldUp: boolean): number {
    const isStill = moved === this.moved[which] && !isHeldUp;
    this.moved[which] = moved;
    this.still[which] = isStill ? (this.still[which] as number) + 1 : 0;
    return this.still[which];
  }
}
