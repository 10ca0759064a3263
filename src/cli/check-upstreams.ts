import { formatAddress } from "../config/address.ts";
import { ipKind } from "../config/ip.ts";
import type { ListenerOptions } from "../config/options.ts";
import { StartError } from "./start-error.ts";

/**
 * Looks every upstream's host name up once, so that a slip of the pen is told at the start and not
 * by the first client. Addresses are not kept: each dial looks up anew.
 *
 * @throws StartError for the first upstream whose host is unknown
 */
export async function checkUpstreams(listeners: readonly ListenerOptions[]): Promise<void> {
  const upstreams = listeners.flatMap((one) => one.upstreams);
  const distinct = new Map(upstreams.map(({ address }) => [formatAddress(address), address]));
  const lookups = Array.from(distinct.values(), async (address) => {
    if (address.kind === "unix" || ipKind(address.host) !== 0) return;
    try {
      await Bun.dns.lookup(address.host, { backend: "getaddrinfo" });
    } catch {
      throw new StartError(`cannot relay to ${formatAddress(address)}: unknown host`);
    }
  });
  await Promise.all(lookups);
}
