import { holds } from "../model/fuzz.ts";
import type { Connection } from "./connection.ts";
import type { Listening } from "./world.ts";

/** What a descriptor stands for. */
export type File =
  | {
      readonly kind: "connection";
      readonly connection: Connection;
      /** Who uses it: null before anybody has. */
      tenancy: string | null;
      /** The attempt that has opened it; missing where a client was accepted. */
      readonly attempt?: string;
    }
  | { readonly kind: "listening"; readonly listening: Listening }
  | { readonly kind: "event"; count: number };

/** The process's descriptors. The lowest free number is given out at once, as the kernel does. */
export class DescriptorTable {
  private readonly files: (File | null)[] = [];

  /** @param first number that is not open really: one that slips through is refused */
  constructor(private readonly first: number) {}

  open(file: File): number {
    const free = this.files.indexOf(null);
    const place = free === -1 ? this.files.length : free;
    this.files[place] = file;
    return this.first + place;
  }

  /** The open file of a descriptor. */
  get(descriptor: number): File {
    const file = this.files[descriptor - this.first];
    holds(file !== undefined && file !== null, "a descriptor that is used is open");
    return file as File;
  }

  /** The connection of a descriptor. */
  connection(descriptor: number): Connection {
    const file = this.get(descriptor);
    if (file.kind !== "connection") throw new Error("fake kernel: this is no connection");
    return file.connection;
  }

  close(descriptor: number): File {
    const file = this.get(descriptor);
    this.files[descriptor - this.first] = null;
    return file;
  }

  /** What is still open. */
  get left(): File[] {
    return this.files.filter((file) => file !== null);
  }
}
