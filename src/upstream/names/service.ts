import { timerSpan } from "../../engine/deadlines.ts";
import { askDns, type DnsServer, systemServers } from "./dns-client.ts";
import type { DnsRecord } from "./dns-message.ts";
import { NameError } from "./name-error.ts";

/** One of the places where a service is (RFC 2782), in the words of upstreams. */
export interface ServiceUpstream {
  /** A host name, as DNS says it: it is resolved like any other. */
  readonly host: string;
  /** 1…65,535. */
  readonly port: number;
  /** 1…256: its share beside the others that are backups, or not, like it. */
  readonly weight: number;
  /** It has not the lowest priority number of all: it gets relays when no other can be had. */
  readonly isBackup: boolean;
}

/** Where a service is now. */
export interface ServiceResolution {
  /** At least one; those of the lowest priority number first, heavier ones before lighter ones. */
  readonly upstreams: readonly ServiceUpstream[];
  /** Milliseconds for which that holds. */
  readonly ttlMs: number;
}

/** How a service is looked for. */
export interface ServiceOptions {
  /** DNS servers; unless given, those that the system asks. */
  readonly servers?: readonly DnsServer[];
  /** Milliseconds until it is given up. @default 5000 */
  readonly timeoutMs?: number;
}

const PREFIX = "srv:";
const TIMEOUT_MS = 5_000;
const ROUNDS = 2;
/** The largest weight of an upstream; SRV records go up to 65,535. */
const WEIGHT_MAX = 256;

/** The name in `srv:_redis._tcp.example.org`; null when the text is not of this form. */
export function serviceName(text: string): string | null {
  const name = text.startsWith(PREFIX) ? text.slice(PREFIX.length).toLowerCase() : "";
  return /^_[a-z\d-]{1,62}\._tcp(\.[a-z\d_-]{1,63})+\.?$/.test(name) ? name : null;
}

/**
 * Finds where a service is.
 *
 * Of priorities only the lowest number is told from all the others, which are backups; weights are
 * scaled down where one is beyond 256. A weight of 0 is the least one, not none: where all have it they
 * are equal, as RFC 2782 wants it.
 *
 * @param name such as `_redis._tcp.example.org`
 * @throws NameError `no_data` also when DNS says that the service is decidedly not there
 */
export async function resolveService(
  name: string,
  { servers, timeoutMs = TIMEOUT_MS }: ServiceOptions = {},
): Promise<ServiceResolution> {
  const asked = servers ?? (await systemServers());
  const attemptMs = timeoutMs / (Math.max(1, asked.length) * ROUNDS);
  const signal = AbortSignal.timeout(timerSpan(timeoutMs));
  const { records, ttlSeconds } = await askDns(name, "SRV", {
    servers: asked,
    attemptMs,
    rounds: ROUNDS,
    signal,
  }).catch((error: unknown) => {
    const isLate = error instanceof NameError && error.code === "given_up";
    throw isLate ? new NameError("timeout") : error;
  });
  const places = records.filter(isPlace);
  if (places.length === 0) throw new NameError("no_data");
  const least = Math.min(...places.map(({ priority }) => priority));
  const heaviest = Math.max(WEIGHT_MAX, ...places.map(({ weight }) => weight));
  const upstreams = places
    .toSorted((a, b) => a.priority - b.priority || b.weight - a.weight)
    .map(({ target: host, port, priority, weight }) => ({
      host,
      port,
      weight: Math.max(1, Math.round((weight * WEIGHT_MAX) / heaviest)),
      isBackup: priority !== least,
    }));
  return { upstreams, ttlMs: ttlSeconds * 1_000 };
}

/** It is somewhere: an empty target says that it is not, and nothing listens on port 0. */
function isPlace(record: DnsRecord): record is DnsRecord & { type: "SRV" } {
  return record.type === "SRV" && record.target !== "" && record.port > 0;
}
