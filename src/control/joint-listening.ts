import type { Address } from "../base/address.ts";
import type { ListenerOptions } from "../config/options.ts";
import type { Listening } from "../engine/engine.ts";

/** What listens on all addresses of a name, as one. */
export class JointListening implements Listening {
  /** @param parts with the same options; one at least */
  constructor(private readonly parts: readonly [Listening, ...Listening[]]) {}

  get address(): Address {
    return this.parts[0].address;
  }

  async update(options: ListenerOptions): Promise<void> {
    await Promise.all(this.parts.map((part) => part.update(options)));
  }

  async close(): Promise<void> {
    await Promise.all(this.parts.map((part) => part.close()));
  }
}
