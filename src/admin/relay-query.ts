import { ConfigError } from "../base/error.ts";
import { count, type Rule, refuse, word } from "../config/rule.ts";
import { Problems } from "../config/sourced.ts";
import type { RelaySummary } from "../relay/ledger/stats.ts";

/** The orders in which relays can be sorted. */
export const relayOrders = ["id", "duration", "bytes", "client"] as const;
/** One of them. */
export type RelayOrder = (typeof relayOrders)[number];

/** A query for relays. */
export interface RelayQuery {
  /** Most relays to return, 1…1,000. */
  readonly limit: number;
  readonly sort: RelayOrder;
  readonly isDescending: boolean;
  /** Part of the client's or the upstream's address, in lower case; empty for all. */
  readonly filter: string;
}

const LIMIT = { initial: 100, most: 1_000 } as const;
const FILTER_LENGTH_MAX = 200;
const limitRule = count(1, LIMIT.most);
const sortRule = word(relayOrders);
const orderRule = word(["asc", "desc"] as const);

function filterRule(value: unknown): string {
  const text = String(value);
  if (text.length <= FILTER_LENGTH_MAX) return text.toLowerCase();
  return refuse(value, `at most ${FILTER_LENGTH_MAX} characters`);
}

/**
 * Reads `limit`, `sort`, `order` and `filter`. By default the longest, the largest or the first
 * come first.
 *
 * @throws ConfigError with everything that is wrong
 */
export function readRelayQuery(query: URLSearchParams): RelayQuery {
  const problems = new Problems();
  const take = <T>(key: string, rule: Rule<T>, initial: T): T => {
    const value = query.get(key);
    return value === null ? initial : (problems.take({ value, label: key }, rule).value ?? initial);
  };
  for (const key of new Set(query.keys())) {
    if (!["limit", "sort", "order", "filter"].includes(key)) {
      problems.add({ label: key }, "is unknown: expected limit, sort, order or filter");
    } else if (query.getAll(key).length > 1) problems.add({ label: key }, "is given twice");
  }
  const limit = take("limit", limitRule, LIMIT.initial);
  const sort = take("sort", sortRule, "id");
  const usual = sort === "duration" || sort === "bytes" ? "desc" : "asc";
  const answer = {
    limit,
    sort,
    isDescending: take("order", orderRule, usual) === "desc",
    filter: take("filter", filterRule, ""),
  };
  if (!problems.isEmpty) throw new ConfigError(problems.sentences);
  return answer;
}

/** The relays that match a query, and how many there are without its limit. */
export function selectRelays(
  relays: readonly RelaySummary[],
  { limit, sort, isDescending, filter }: RelayQuery,
): { readonly matching: number; readonly relays: readonly RelaySummary[] } {
  const found = filter === "" ? [...relays] : relays.filter((one) => matches(one, filter));
  const sign = isDescending ? -1 : 1;
  // A relay's texts are made on each access, so make each key once.
  const keyed = found.map((relay) => ({ relay, key: keyOf(relay, sort) }));
  keyed.sort((a, b) => sign * compare(a.key, b.key) || a.relay.id - b.relay.id);
  return { matching: found.length, relays: keyed.slice(0, limit).map(({ relay }) => relay) };
}

function matches({ client, upstream }: RelaySummary, filter: string): boolean {
  return client.toLowerCase().includes(filter) || (upstream ?? "").toLowerCase().includes(filter);
}

function keyOf(relay: RelaySummary, sort: RelayOrder): number | string {
  switch (sort) {
    case "id":
      return relay.id;
    case "duration":
      return relay.durationMs;
    case "bytes":
      return relay.up.receivedBytes + relay.down.receivedBytes;
    case "client":
      return relay.client;
  }
}

function compare(a: number | string, b: number | string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
