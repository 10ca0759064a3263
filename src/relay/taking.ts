import type { InsideOwner } from "./inside.ts";

/**
 * Shows an owner what its relay sends. The owner may say in the midst of it that it takes more again; it must not be
 * shown the same bytes twice then.
 *
 * Owner: the side of a relay that is no socket.
 */
export class Taking {
  private isUnderWay = false;
  /** The owner takes more than it did when it was last shown something. */
  private goesOn = false;

  constructor(private readonly owner: InsideOwner) {}

  /** Shows it bytes. @returns how many it has taken */
  take(bytes: Uint8Array): number {
    this.isUnderWay = true;
    this.goesOn = false;
    let taken = this.owner.take(bytes);
    while (taken < bytes.length && this.goesOn) {
      this.goesOn = false;
      taken += this.owner.take(bytes.subarray(taken));
    }
    this.isUnderWay = false;
    return taken;
  }

  /** The owner takes more. @returns whether to show it the rest now */
  mayGoOn(): boolean {
    this.goesOn = true;
    return !this.isUnderWay;
  }
}
