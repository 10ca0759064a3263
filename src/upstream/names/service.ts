import { formatAddress, parseAddress, type TcpAddress } from "../../base/address.ts";
import { timerSpan } from "../../base/clock.ts";
import { ConfigError } from "../../base/error.ts";
import { askDns, attempts, systemServers } from "./dns-client.ts";
import type { DnsRecord } from "./dns-message.ts";
import type { DnsServer } from "./dns-server.ts";
import { NameError } from "./name-error.ts";
import type { Resolution } from "./resolver.ts";

/** One of the places where a service is (RFC 2782), in the words of upstreams. */
export interface ServicePlace {
  /** Its host is a name as a rule, and resolved like any other. */
  readonly address: TcpAddress;
  /** 1…256: its share beside the others that are backups, or not, like it. */
  readonly weight: number;
  /** It has not the lowest priority number of all: it gets relays when no other can be had. */
  readonly isBackup: boolean;
}

/**
 * Where a service is now: at most {@link PLACES_MAX} places, those of the lowest priority number first,
 * heavier ones before lighter ones.
 */
export interface ServiceResolution extends Resolution<ServicePlace> {
  /** Places beyond those, and records that name none that could be dialled. */
  readonly leftOut: number;
}

/** How a service is looked for. */
export interface ServiceOptions {
  /** DNS servers; unless given, those that the system asks. */
  readonly servers?: readonly DnsServer[];
  /** Milliseconds until it is given up. @default 5000 */
  readonly timeoutMs?: number;
}

/** Most places of a service that are upstreams. */
export const PLACES_MAX = 256;

const TIMEOUT_MS = 5_000;
/** The largest weight of an upstream; SRV records go up to 65,535. */
const WEIGHT_MAX = 256;

/** A record that names a place. */
interface Found {
  readonly address: TcpAddress;
  readonly priority: number;
  readonly weight: number;
}

/**
 * Finds where a service is.
 *
 * Of priorities only the lowest number is told from all the others, which are backups; weights are
 * scaled down where one is beyond 256. A weight of 0 is the least one, not none: where all have it they
 * are equal, as RFC 2782 wants it.
 *
 * @param name such as `_redis._tcp.example.org`
 * @throws NameError `no_service` also when DNS says that the service is decidedly not there
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
 * The place that a record names; null when that could not be written as an upstream either. An empty
 * target says that the service is not there, and nothing listens on port 0.
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
 * Each place once, as its best record has it. Servers shuffle their records: the order must be the same
 * for the same ones.
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
