import { descriptorLimit } from "../../system/libc.ts";
import { type Mapping, mapMemory, unmap } from "../../system/linux.ts";
import type { Kernel } from "./kernel.ts";
import type { Prepare } from "./prepare.ts";

/** Most places of the table; sockets with a higher descriptor are used without it. */
const PLACES_MAX = 32_768;

/**
 * The ring's file table: the kernel need not count a reference for each operation on a socket in
 * it. The place of a socket is its descriptor, so nothing has to be looked up.
 */
export class Files {
  /** Word n is n, and the last one is −1: the values that operations on the table read. */
  private readonly numbers: Mapping;

  /** @returns null if the kernel has no such table */
  static open(kernel: Kernel, prepare: Prepare): Files | null {
    const places = Math.min(PLACES_MAX, descriptorLimit());
    if (kernel.registerFiles(places) < 0) return null;
    prepare.fixedBelow = places;
    return new Files(prepare, places);
  }

  private constructor(
    private readonly prepare: Prepare,
    private readonly places: number,
  ) {
    this.numbers = mapMemory((places + 1) * 4);
    const words = new Int32Array(this.numbers.buffer);
    for (let i = 0; i < places; i++) words[i] = i;
    words[places] = -1;
  }

  /** Operations on this descriptor use the table from now on. */
  add(descriptor: number): void {
    if (descriptor < this.places) this.set(descriptor, descriptor);
  }

  /** Call this before closing the descriptor. */
  remove(descriptor: number): void {
    if (descriptor < this.places) this.set(descriptor, this.places);
  }

  close(): void {
    unmap(this.numbers);
  }

  private set(place: number, word: number): void {
    this.prepare.setFile(this.numbers.address + word * 4, place);
  }
}
