import { formatCount } from "../../src/base/quantity.ts";
import type { Compared } from "./comparison.ts";
import { aligned, requestsPerSecond } from "./table.ts";

const heads = ["SET", "clients", "requests/s", "p50 ms", "p99 ms"] as const;
const cpuHeads = ["server µs/SET", "of direct"] as const;

/** The comparison as a table, without the server's CPU if that could not be told. */
export function comparisonTable(compared: readonly Compared[]): string {
  const hasCpu = compared.some(({ serverMicros }) => serverMicros !== null);
  const rows = compared.map((one) => {
    const { way, clients, result, serverMicros } = one;
    const ratio = toDirect(one, compared);
    return [
      way,
      formatCount(clients),
      formatCount(requestsPerSecond(result)),
      result.latencies.percentile(50).toFixed(3),
      result.latencies.percentile(99).toFixed(3),
      ...(hasCpu ? [serverMicros?.toFixed(1) ?? "", ratio?.toFixed(2) ?? ""] : []),
    ];
  });
  return aligned([[...heads, ...(hasCpu ? cpuHeads : [])], ...rows]);
}

/** What multiplexing saved the server, in a sentence; another one says where it saved nothing. */
export function comparisonSentence(compared: readonly Compared[]): string {
  const spent: string[] = [];
  const unsaved: string[] = [];
  for (const one of compared) {
    const ratio = one.way === "multiplexed" ? toDirect(one, compared) : null;
    if (ratio === null) continue;
    const [share, clients] = [ratio.toFixed(2), formatCount(one.clients)];
    const isFirst = spent.length === 0;
    spent.push(`${share}${isFirst ? " of the CPU per request" : ""} with ${clients}`);
    if (Number(share) >= 1) unsaved.push(clients);
  }
  const [first, ...others] = spent;
  if (first === undefined) return "This system does not say how much CPU the server used.";
  const sentence = [
    `The server spent ${[`${first} clients`, ...others].join(" and ")}`,
    "when ringway multiplexed them, compared with clients connected directly.",
  ].join("\n");
  if (unsaved.length === 0) return sentence;
  return `${sentence}\nWith ${unsaved.join(" and ")} clients, that saved nothing.`;
}

/** Its CPU per request as a share of what direct clients cost; null if that cannot be told. */
function toDirect(one: Compared, all: readonly Compared[]): number | null {
  const direct = all.find(({ way, clients }) => way === "direct" && clients === one.clients);
  const [own, theirs] = [one.serverMicros, direct?.serverMicros ?? null];
  return own === null || theirs === null || theirs === 0 ? null : own / theirs;
}
