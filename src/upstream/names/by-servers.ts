import { ipKind } from "../../base/ip.ts";
import { isLocalhost } from "../../base/reach.ts";
import type { DnsServer } from "./dns-server.ts";
import { NameError } from "./name-error.ts";
import { hostAddresses, type Resolution, resolveName, UNKNOWN_TTL_MS } from "./resolver.ts";
import { type SystemFiles, systemFiles } from "./system-files.ts";

/** For all questions about one name together. */
const TIMEOUT_MS = 5_000;

/**
 * Returns a function that resolves host names by these servers as the system would: /etc/hosts
 * comes first, and the search domains of resolv.conf complete a name. The system resolves
 * `localhost`.
 *
 * @param servers at least one
 */
export function resolverBy(
  servers: readonly DnsServer[],
  files: SystemFiles = systemFiles(),
): (host: string) => Promise<Resolution> {
  return async (host) => {
    if (isLocalhost(host) || ipKind(host) !== 0) return await resolveName(host);
    const addresses = hostAddresses(await files.hostsOf(host));
    if (addresses.length > 0) return { addresses, ttlMs: UNKNOWN_TTL_MS };
    return await firstOf(await files.candidates(host), servers);
  };
}

/**
 * Resolves the first of these names that exists. If no server answers, the search ends: the name
 * may exist, and the next one would be another host.
 */
async function firstOf(
  names: readonly string[],
  servers: readonly DnsServer[],
): Promise<Resolution> {
  const endsAt = performance.now() + TIMEOUT_MS;
  let failure: NameError | null = null;
  for (const name of names) {
    const timeoutMs = endsAt - performance.now();
    if (timeoutMs <= 0) throw new NameError("timeout");
    try {
      return await resolveName(name, { servers, system: null, timeoutMs });
    } catch (error) {
      if (!(error instanceof NameError)) throw error;
      // A server may know nothing about a search domain, so the next name may be the right one.
      const { code, isFinal } = error;
      if (!isFinal && code !== "server_failed" && code !== "refused") throw error;
      // That a server could not say counts for more than that there is no such name.
      if (failure === null || failure.isFinal) failure = error;
    }
  }
  throw failure ?? new NameError("unknown_host");
}
