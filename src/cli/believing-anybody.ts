import { isNobody } from "../config/edge.ts";
import type { WantedListener } from "../config/options.ts";
import { nameOfListener } from "../relay/ledger/account.ts";

/**
 * Warnings about listeners that trust the PROXY header of any client, which can so claim any
 * address and pass every rule, unless the configuration says `any`. File permissions protect unix
 * sockets.
 */
export function believingAnybody(listeners: readonly WantedListener[]): readonly string[] {
  const believing = listeners.filter(
    ({ address, edge }) =>
      address.kind === "tcp" && edge.proxyProtocol !== "off" && isNobody(edge.proxyProtocolFrom),
  );
  // Addresses with one name are one listener.
  return Array.from(
    new Set(believing.map((one) => nameOfListener(one, one.address))),
    (name) =>
      `listener ${name} believes the PROXY header of whoever connects: name the proxies in front of it (proxyProtocolFrom), or say any`,
  );
}
