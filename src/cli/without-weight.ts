import type { WantedListener } from "../config/options.ts";
import { nameOfListener } from "../relay/ledger/account.ts";

/**
 * Warnings about listeners that relay no client: all their upstreams have weight 0, and no route
 * function chooses them anyway. That is no error, because weights may be set later, too.
 */
export function withoutWeight(listeners: readonly WantedListener[]): readonly string[] {
  const closed = listeners.filter(
    ({ upstreams, route }) =>
      upstreams.length > 0 && route === null && upstreams.every(({ weight }) => weight === 0),
  );
  // Addresses with one name are one listener.
  return Array.from(
    new Set(closed.map((one) => nameOfListener(one, one.address))),
    (name) => `no upstream of listener ${name} takes new relays: all have weight 0`,
  );
}
