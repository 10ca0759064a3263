import type { RelaysDocument } from "../admin/api.ts";
import { printable } from "../base/error.ts";
import { formatCount, formatDuration, formatSize } from "../base/quantity.ts";
import { alignColumns } from "../observe/columns.ts";
import { relaysAnswer } from "./admin-answers.ts";
import { adminCommand } from "./admin-command.ts";
import type { Flag } from "./flag.ts";

const flags: readonly Flag[] = [
  { name: "filter", hint: "TEXT", text: "only those whose client or upstream contains this" },
  { name: "sort", hint: "WORD", text: "by id, duration, bytes or client", initial: "id" },
  { name: "limit", hint: "N", text: "at most this many, 1…1,000", initial: "100" },
];

/** `ringway relays`: lists the relays of a proxy. */
export const relaysCommand = adminCommand<RelaysDocument>({
  name: "relays",
  description: "lists the relays of a running proxy",
  flags,
  question: ({ values }) => {
    const query = new URLSearchParams();
    for (const { name } of flags) {
      const value = values.get(name);
      if (value !== undefined) query.set(name, value);
    }
    return { method: "GET", path: `/api/relays?${query}` };
  },
  shape: relaysAnswer,
  render: renderRelays,
  about: `Lists the running relays of a proxy, the oldest first. With --json the names of
numbers end in their units, and bytes from clients are under "up".`,
  exitCodes: "0 listed, 1 no proxy answers, 2 the flags are wrong.",
});

/** The list for people: the number of relays, and a line for each. */
export function renderRelays({ running, matching, relays }: RelaysDocument): string {
  const shown = relays.length < matching ? `, the first ${formatCount(relays.length)} here` : "";
  const all = matching === running ? "" : ` of ${formatCount(running)}`;
  const head = `${formatCount(matching)}${all} running${shown}`;
  const rows = relays.map((relay) => [
    `${relay.id}`,
    printable(relay.client),
    relay.isWaiting ? "waiting" : printable(relay.upstream ?? "-"),
    formatDuration(relay.durationMs),
    formatSize(relay.up.receivedBytes),
    formatSize(relay.down.receivedBytes),
  ]);
  const titles = ["relay", "client", "upstream", "runs for", "up", "down"];
  const lines = relays.length === 0 ? [] : alignColumns([titles, ...rows]);
  return `${[head, ...lines].join("\n")}\n`;
}
