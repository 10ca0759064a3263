import { formatAddress, parseAddress, type TcpAddress } from "../../base/address.ts";
import { timerSpan } from "../../base/clock.ts";
import { ConfigError } from "../../base/error.ts";
import { askDns, attempts, systemServers } from "./dns-client.ts";
import type { DnsRecord } from "./dns-message.ts";
import type { DnsServer } from "./dns-server.ts";
import { NameError } from "./name-error.ts";
import type { Resolution } from "./resolver.ts";

/** One place of a service (RFC 2782), as an upstream. */
export interface ServicePlace {
  /** Its host is usually a name, and resolved like any other. */
  readonly address: TcpAddress;
  /** 1…256: its share among the primaries, or among the backups. */
  readonly weight: number;
  /** It does not have the lowest priority number: it gets relays only if no primary can. */
  readonly isBackup: boolean;
}

/**
 * Where a service is now: at most {@link PLACES_MAX} places, lowest priority number first, then
 * heaviest first.
 */
export interface ServiceResolution extends Resolution<ServicePlace> {
  /** Places beyond the limit, and records that cannot be dialled. */
  readonly leftOut: number;
}

/** How to look up a service. */
export interface ServiceOptions {
  /** DNS servers; if missing, those of the system. */
  readonly servers?: readonly DnsServer[];
  /** Milliseconds until the lookup fails. @default 5000 */
  readonly timeoutMs?: number;
}

/** Most places of a service that become upstreams. */
export const PLACES_MAX = 256;

const TIMEOUT_MS = 5_000;
/** The largest weight of an upstream; SRV records go up to 65,535. */
const WEIGHT_MAX = 256;

/** A record with a usable place. */
interface Found {
  readonly address: TcpAddress;
  readonly priority: number;
  readonly weight: number;
}

/**
 * Finds where a service is.
 *
 * The lowest priority number makes a primary, every other one a backup. If a weight exceeds 256,
 * all are scaled down. A weight of 0 counts as the least weight, not as none: if all have it they
 * are equal, as RFC 2782 demands.
 *
 * @param name such as `_redis._tcp.example.org`
 * @throws NameError `no_service` also if DNS says that the service is explicitly not available
 */
export async function resolveService(
  name: string,
  { servers, timeoutMs = TIMEOUT_MS }: ServiceOptions = {},
): Promise<ServiceResolution> {
  const asked = servers ?? (await systemServers());
  const signal = AbortSignal.timeout(timerSpan(timeoutMs));
  const { records, ttlSeconds } = await askDns(name, "SRV", {
    ...attempts(asked, timeoutMs),
    signal,
  }).catch((error: unknown) => {
    if (!(error instanceof NameError)) throw error;
    if (error.code === "given_up") throw new NameError("timeout");
    throw error.code === "no_data" ? new NameError("no_service") : error;
  });
  const found = records.flatMap((record) => placeOf(record) ?? []);
  const all = distinct(found);
  const places = all.slice(0, PLACES_MAX);
  if (places.length === 0) throw new NameError("no_service");
  const least = Math.min(...places.map(({ priority }) => priority));
  const heaviest = Math.max(WEIGHT_MAX, ...places.map(({ weight }) => weight));
  const addresses = places.map(({ address, priority, weight }) => ({
    address,
    weight: Math.max(1, Math.round((weight * WEIGHT_MAX) / heaviest)),
    isBackup: priority !== least,
  }));
  const leftOut = records.length - found.length + all.length - places.length;
  return { addresses, ttlMs: ttlSeconds * 1_000, leftOut };
}

/**
 * The place in a record; null if it could not be written as an upstream either. An empty target
 * means that the service is not available, and nothing listens on port 0.
 */
function placeOf(record: DnsRecord): Found | null {
  if (record.type !== "SRV" || record.target === "") return null;
  const { target, port, priority, weight } = record;
  try {
    const address = parseAddress(`${target}:${port}`, "upstream");
    return address.kind === "tcp" ? { address, priority, weight } : null;
  } catch (error) {
    if (error instanceof ConfigError) return null;
    throw error;
  }
}

/**
 * Removes duplicates and keeps the best record of each place. Servers shuffle their records, so the
 * result is sorted.
 */
function distinct(places: readonly Found[]): Found[] {
  const byName = new Map<string, Found>();
  const named = places.map((place) => ({ place, name: formatAddress(place.address) }));
  const sorted = named.toSorted(
    ({ place: a, name: nameA }, { place: b, name: nameB }) =>
      a.priority - b.priority || b.weight - a.weight || (nameA < nameB ? -1 : 1),
  );
  for (const { place, name } of sorted) if (!byName.has(name)) byName.set(name, place);
  return [...byName.values()];
}
