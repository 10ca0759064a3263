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

/** What a name stands for now: a host's addresses, or places of another kind. */
export interface Resolution<Place = HostAddress> {
  /** At least one, each once; of a host: in the system's order, or else IPv6 before IPv4. */
  readonly addresses: readonly Place[];
  /** Milliseconds for which that holds; 0 or more. */
  readonly ttlMs: number;
}

/** How a name is resolved. */
export interface ResolveOptions {
  /** The DNS servers; unless given, those that the system asks. */
  readonly servers?: readonly DnsServer[];
  /** Milliseconds until it is given up. @default 5000 */
  readonly timeoutMs?: number;
  /** Asks the system; null: only DNS is asked. @default getaddrinfo */
  readonly system?: SystemLookup | null;
}

/**
 * What the system says of a name: its addresses.
 *
 * @throws NameError with `unknown_host`, or `timeout` when it could not find out
 */
export type SystemLookup = (host: string) => Promise<readonly string[]>;

/** What is known otherwise than from DNS holds for so long. */
export const UNKNOWN_TTL_MS = 30_000;

const TIMEOUT_MS = 5_000;
/** DNS gets so long to tell for how long the system's answer holds; it has just told the system. */
const TTL_PATIENCE_MS = 250;

/**
 * Resolves a host name.
 *
 *     the system (getaddrinfo: /etc/hosts, search domains, DNS…)  ──► which addresses
 *     DNS, A and AAAA                                             ──► for how long; why not
 *
 * The system has the say, because everybody else on this machine believes it; but only DNS has TTLs,
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
    throw isNameError(error, "given_up") && signal.aborted ? new NameError("timeout") : error;
  } finally {
    clearTimeout(timer);
    // Whatever is still asked for is of no use.
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
  const addresses = distinct(hosts);
  if (addresses.length > 0) {
    return { addresses, ttlMs: isLocal(host) ? UNKNOWN_TTL_MS : await ttlFrom(askServers()) };
  }
  if (isLocal(host)) throw failure;
  return await askServers();
}

/** For how long an answer holds, if DNS says that soon. */
async function ttlFrom(asking: Promise<Resolution>): Promise<number> {
  const answer = asking.then(
    ({ ttlMs }) => ttlMs,
    () => UNKNOWN_TTL_MS,
  );
  return await Promise.race([answer, Bun.sleep(TTL_PATIENCE_MS).then(() => UNKNOWN_TTL_MS)]);
}

/** IPv6 and IPv4 at the same time. One of them is enough. */
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
  return { addresses: distinct(hosts), ttlMs: ttlSeconds * 1_000 };
}

/**
 * What two questions without an answer mean together: what one server could not say stands before
 * that there is nothing, as it may be what the other question would have found.
 */
function worst(failures: readonly NameError[]): NameError {
  const isDecided = ({ code }: NameError) => code === "unknown_host" || code === "no_data";
  const undecided = failures.find((one) => !isDecided(one));
  // A server that says both means that there is the name: RFC 8020.
  const without = failures.find(({ code }) => code === "no_data");
  return undecided ?? without ?? new NameError("unknown_host");
}

/** Names that DNS has no say in (RFC 6761), and those without a dot, which only the system completes. */
function isLocal(host: string): boolean {
  return !host.includes(".") || isLocalhost(host);
}

function distinct(hosts: readonly string[]): HostAddress[] {
  return [...new Set(hosts)].flatMap((host) => {
    const family = ipKind(host);
    return family === 0 ? [] : [{ host, family }];
  });
}

/** System lookups that are under way, by their names. */
const running = new Map<string, Promise<readonly string[]>>();

/**
 * Asks getaddrinfo. A lookup cannot be taken back, and one that hangs holds a thread: who asks for
 * a name that is being looked up waits for the same lookup, so that they cannot pile up.
 *
 * @returns addresses in the system's order, some perhaps more than once
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

/** The promise's value, unless nobody waits for it any more. @throws NameError `given_up` then */
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

function isNameError(error: unknown, code: NameError["code"]): boolean {
  return error instanceof NameError && error.code === code;
}
