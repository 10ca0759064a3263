import type { RelayOrder } from "../../admin/relay-query.ts";

/** How to sort the relays. */
export interface Order {
  readonly sort: RelayOrder;
  /** Reverses the usual order: the shortest, smallest or last one first. */
  readonly isReversed: boolean;
}

/** The meaning of a key. */
export type Wish = "quit" | Order;

const sorts: Readonly<Record<string, RelayOrder>> = {
  b: "bytes",
  d: "duration",
  c: "client",
  i: "id",
};

/** Ctrl-C and Ctrl-D, which are plain characters in raw mode. */
const END = new Set(["q", "Q", "\u0003", "\u0004"]);

/** The sequences of arrow keys and the like, which contain no keys. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how they begin
const SEQUENCE = /\u001b(?:\[[\x20-\x3f]*[@-~]|O.|.)/g;

/** What keys ask for, the last of each kind; null for nothing. */
export function wishOf(keys: string, before: Order): Wish | null {
  let order = before;
  for (const key of keys.replace(SEQUENCE, "")) {
    if (END.has(key)) return "quit";
    const sort = sorts[key.toLowerCase()];
    if (sort !== undefined) order = { sort, isReversed: false };
    else if (key === "r" || key === "R") order = { ...order, isReversed: !order.isReversed };
  }
  return order === before ? null : order;
}

/** The API's words for an order. */
export function queryOf({ sort, isReversed }: Order, limit: number): URLSearchParams {
  const isUsuallyDescending = sort === "duration" || sort === "bytes";
  const order = isUsuallyDescending === isReversed ? "asc" : "desc";
  return new URLSearchParams({ sort, order, limit: String(limit) });
}
