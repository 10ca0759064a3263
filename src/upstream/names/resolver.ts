import { timerSpan } from "../../base/clock.ts";
import { ipKind } from "../../base/ip.ts";
import { isLocalhost } from "../../base/reach.ts";
import { askDns, attempts, type DnsOptions, systemServers } from "./dns-client.ts";
import type { DnsAnswer, QuestionType } from "./dns-message.ts";
import type { DnsServer } from "./dns-server.ts";
import { NameError } from "./name-error.ts";

/** An IP address of a host. */
export interface HostAddress {
  readonly host: string;
  readonly family: 4 | 6;
}

/** What a name resolves to now: a host's addresses, or a service's places. */
export interface Resolution<Place = HostAddress> {
  /** At least one, without duplicates; for a host: in the system's order, otherwise IPv6 first. */
  readonly addresses: readonly Place[];
  /** Milliseconds for which the answer is valid; 0 or more. */
  readonly ttlMs: number;
}

/** How to resolve a name. */
export interface ResolveOptions {
  /** The DNS servers; if missing, those of the system. */
  readonly servers?: readonly DnsServer[];
  /** Milliseconds until the lookup fails. @default 5000 */
  readonly timeoutMs?: number;
  /** The system's lookup; null: only DNS is asked. @default getaddrinfo */
  readonly system?: SystemLookup | null;
}

/**
 * Asks the system for the addresses of a name.
 *
 * @throws NameError `unknown_host`, or `timeout` if the system could not find out
 */
export type SystemLookup = (host: string) => Promise<readonly string[]>;

/** The TTL of answers that have none, in milliseconds. */
export const UNKNOWN_TTL_MS = 30_000;

const TIMEOUT_MS = 5_000;
/**
 * Milliseconds to wait for DNS to tell the TTL of the system's answer, which the system just got.
 */
const TTL_PATIENCE_MS = 250;

/**
 * Resolves a host name.
 *
 *     the system (getaddrinfo: /etc/hosts, search domains, DNS…)  ──► which addresses
 *     DNS, A and AAAA                                             ──► for how long; why not
 *
 * The system decides, because all other programs on this machine rely on it. But only DNS has TTLs,
 * and says why there is no answer.
 *
 * @throws NameError
 */
export async function resolveName(host: string, options: ResolveOptions = {}): Promise<Resolution> {
  const family = ipKind(host);
  if (family !== 0) return { addresses: [{ host, family }], ttlMs: Infinity };
  const { timeoutMs = TIMEOUT_MS, servers, system = askSystem } = options;
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), timerSpan(timeoutMs)).unref();
  const { signal } = ending;
  const askServers = async () => {
    const all = servers ?? (await systemServers());
    return await fromDns(host, { ...attempts(all, timeoutMs), signal });
  };
  try {
    if (system === null) return await askServers();
    return await fromSystem(host, until(signal, system(host)), askServers);
  } catch (error) {
    const isTimeout = signal.aborted && error instanceof NameError && error.code === "given_up";
    throw isTimeout ? new NameError("timeout") : error;
  } finally {
    clearTimeout(timer);
    // Questions that are still open are of no use any more.
    ending.abort();
  }
}

async function fromSystem(
  host: string,
  answer: Promise<readonly string[]>,
  askServers: () => Promise<Resolution>,
): Promise<Resolution> {
  let failure = new NameError("unknown_host");
  const hosts = await answer.catch((error: unknown) => {
    if (!(error instanceof NameError) || error.code === "given_up") throw error;
    failure = error;
    return [];
  });
  const addresses = hostAddresses(hosts);
  if (addresses.length > 0) {
    return { addresses, ttlMs: isLocal(host) ? UNKNOWN_TTL_MS : await ttlFrom(askServers()) };
  }
  if (isLocal(host)) throw failure;
  return await askServers();
}

/** The TTL of an answer, if DNS tells it soon. */
async function ttlFrom(asking: Promise<Resolution>): Promise<number> {
  const answer = asking.then(
    ({ ttlMs }) => ttlMs,
    () => UNKNOWN_TTL_MS,
  );
  return await Promise.race([answer, Bun.sleep(TTL_PATIENCE_MS).then(() => UNKNOWN_TTL_MS)]);
}

/** Asks for IPv6 and IPv4 at the same time. One of them is enough. */
async function fromDns(host: string, options: DnsOptions): Promise<Resolution> {
  const questions: readonly QuestionType[] = ["AAAA", "A"];
  const outcomes = await Promise.allSettled(questions.map((type) => askDns(host, type, options)));
  const answers: DnsAnswer[] = [];
  const failures: NameError[] = [];
  for (const outcome of outcomes) {
    if (outcome.status === "fulfilled") answers.push(outcome.value);
    else if (outcome.reason instanceof NameError) failures.push(outcome.reason);
    else throw outcome.reason;
  }
  if (answers.length === 0) throw worst(failures);
  const hosts = answers.flatMap(({ records }) =>
    records.flatMap((record) => (record.type === "SRV" ? [] : record.host)),
  );
  const ttlSeconds = Math.min(...answers.map((answer) => answer.ttlSeconds));
  return { addresses: hostAddresses(hosts), ttlMs: ttlSeconds * 1_000 };
}

/**
 * The failure that stands for both questions: a server's failure counts for more than a missing
 * record, because the other question might have found one.
 */
function worst(failures: readonly NameError[]): NameError {
  const undecided = failures.find((one) => !one.isFinal);
  // If the answers differ, the name exists: RFC 8020.
  const without = failures.find(({ code }) => code === "no_data");
  return undecided ?? without ?? new NameError("unknown_host");
}

/**
 * Names that are not for DNS (RFC 6761), and those without a dot, which only the system completes.
 */
function isLocal(host: string): boolean {
  return !host.includes(".") || isLocalhost(host);
}

/** The literal addresses among these hosts, without duplicates. */
export function hostAddresses(hosts: readonly string[]): HostAddress[] {
  return [...new Set(hosts)].flatMap((host) => {
    const family = ipKind(host);
    return family === 0 ? [] : [{ host, family }];
  });
}

/** Running system lookups, by name. */
const running = new Map<string, Promise<readonly string[]>>();

/**
 * Asks getaddrinfo. A lookup cannot be cancelled, and one that hangs holds a thread. So callers
 * that ask for the same name share one lookup, and lookups cannot pile up.
 *
 * @returns addresses in the system's order, possibly with duplicates
 */
export const askSystem: SystemLookup = (host) => {
  let lookup = running.get(host);
  if (lookup === undefined) {
    lookup = getAddrInfo(host).finally(() => running.delete(host));
    running.set(host, lookup);
  }
  return lookup;
};

async function getAddrInfo(host: string): Promise<readonly string[]> {
  try {
    const found = await Bun.dns.lookup(host, { backend: "getaddrinfo" });
    return found.map(({ address }) => address);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new NameError(code === "DNS_ENOTFOUND" ? "unknown_host" : "timeout");
  }
}

/** The promise's value. @throws NameError `given_up` if the signal comes first */
async function until<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const ended = Promise.withResolvers<never>();
  const onAbort = () => ended.reject(new NameError("given_up"));
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([promise, ended.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
