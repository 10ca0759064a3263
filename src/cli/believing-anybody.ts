import { isNobody } from "../config/edge.ts";
import type { WantedListener } from "../config/options.ts";
import { nameOfListener } from "../relay/ledger/account.ts";

/**
 * Warnings of listeners on which whoever connects may say to be anybody, and so pass every rule and
 * limit, unless that was said in so many words. Not of unix sockets: who may open one their files say.
 */
export function believingAnybody(listeners: readonly WantedListener[]): readonly string[] {
  const believing = listeners.filter(
    ({ address, edge }) =>
      address.kind === "tcp" && edge.proxyProtocol !== "off" && isNobody(edge.proxyProtocolFrom),
  );
  // Addresses of one name are one listener.
  return Array.from(
    new Set(believing.map((one) => nameOfListener(one, one.address))),
    (name) =>
      `listener ${name} believes the PROXY header of whoever connects: name the proxies in front of it (proxyProtocolFrom), or say any`,
  );
}
