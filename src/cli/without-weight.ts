import type { WantedListener } from "../config/options.ts";
import { nameOfListener } from "../relay/ledger/account.ts";

/**
 * Warnings of listeners that no client gets through: all their upstreams have weight 0, and no route
 * function sends anybody there nevertheless. That is no error, as weights are changed by hand, too.
 */
export function withoutWeight(listeners: readonly WantedListener[]): readonly string[] {
  const closed = listeners.filter(
    ({ upstreams, route }) =>
      upstreams.length > 0 && route === null && upstreams.every(({ weight }) => weight === 0),
  );
  // Addresses of one name are one listener.
  return Array.from(
    new Set(closed.map((one) => nameOfListener(one, one.address))),
    (name) => `no upstream of listener ${name} takes new relays: all have weight 0`,
  );
}
