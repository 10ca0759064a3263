import { ipKind } from "../../base/ip.ts";
import { isLocalhost } from "../../base/reach.ts";
import type { DnsServer } from "./dns-server.ts";
import { NameError } from "./name-error.ts";
import { type HostAddress, type Resolution, resolveName, UNKNOWN_TTL_MS } from "./resolver.ts";
import { type SystemFiles, systemFiles } from "./system-files.ts";

/** All questions for one name together. */
const TIMEOUT_MS = 5_000;

/**
 * Makes what resolves host names by these servers, as the system would if it asked them: /etc/hosts goes
 * first, and a name is completed with the domains of resolv.conf. `localhost` is the system's own.
 *
 * @param servers at least one
 */
export function resolverBy(
  servers: readonly DnsServer[],
  files: SystemFiles = systemFiles(),
): (host: string) => Promise<Resolution> {
  return async (host) => {
    if (isLocalhost(host) || ipKind(host) !== 0) return await resolveName(host);
    const listed = (await files.hostsOf(host)).flatMap((one): HostAddress[] => {
      const family = ipKind(one);
      return family === 0 ? [] : [{ host: one, family }];
    });
    if (listed.length > 0) return { addresses: distinct(listed), ttlMs: UNKNOWN_TTL_MS };
    return await firstOf(await files.candidates(host), servers);
  };
}

/**
 * The answer for the first of these names that there is. A server that does not answer at all ends the
 * search: the name may be there, and another one would be somebody else.
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
      if (!(error instanceof NameError) || !GO_ON.includes(error.code)) throw error;
      // That a server could not say stands before that there is no such name.
      if (failure === null || DECIDED.includes(failure.code)) failure = error;
    }
  }
  throw failure ?? new NameError("unknown_host");
}

/** There is no such name, or no address of it. */
const DECIDED: readonly NameError["code"][] = ["unknown_host", "no_data"];
/** The next name may be what was meant: a server may know nothing of a domain that is searched. */
const GO_ON: readonly NameError["code"][] = [...DECIDED, "server_failed", "refused"];

function distinct(addresses: readonly HostAddress[]): HostAddress[] {
  return [...new Map(addresses.map((one) => [one.host, one])).values()];
}
