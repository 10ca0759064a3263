/**
 * Bytes that a worker holds for its clients outside of their relays: beginnings of requests, and replies that they do
 * not take now. Each of them is bounded for one client; this is the bound for all.
 *
 * Owner: an {@link Exchange}.
 */
export class Holdings {
  bytes = 0;

  /** @param max the most bytes, at least 1 */
  constructor(private readonly max: number) {}

  /** Clients have more held than there may be: who adds something has to go. */
  get isExceeded(): boolean {
    return this.bytes > this.max;
  }
}
