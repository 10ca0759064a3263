import type { UpstreamsDocument } from "../admin/api.ts";
import { ConfigError } from "../base/error.ts";
import { formatCount, formatDuration } from "../base/quantity.ts";
import type { UpstreamView } from "../control/upstream-view.ts";
import { upstreamsAnswer } from "./admin-answers.ts";
import { type AdminQuestion, adminCommand } from "./admin-command.ts";
import type { Flag } from "./flag.ts";
import type { CommandArguments } from "./read-flags.ts";
import { type Column, layOut } from "./text-table.ts";

/** What may be set at an upstream: keys of the API's body. */
const changes: readonly Flag[] = [
  { name: "state", hint: "WORD", text: "drain, maintenance or ready" },
  { name: "weight", hint: "N", text: "its share of new relays, 0…256, or configured" },
  { name: "within", hint: "TIME", text: "end its relays in this time; with --state" },
];

/** The most addresses of a name that a line shows. */
const ADDRESSES_SHOWN = 8;

const columns: readonly Column[] = [
  { title: "id", isFigure: true },
  { title: "listener" },
  { title: "upstream" },
  { title: "state" },
  { title: "weight", isFigure: true },
  { title: "running", isFigure: true },
  { title: "health" },
];

/** `ringway upstreams`: lists or changes the upstreams of a proxy. */
export const upstreamsCommand = adminCommand<UpstreamsDocument | UpstreamView>({
  name: "upstreams",
  description: "lists or changes the upstreams of a running proxy",
  flags: [
    {
      name: "set",
      hint: "WHICH",
      text: "change this one: its address, LISTENER/ADDRESS, or its number in the list",
    },
    ...changes,
  ],
  question,
  shape: upstreamsAnswer,
  render: (answer) => renderUpstreams("upstreams" in answer ? answer.upstreams : [answer]),
  about: `Lists the upstreams of a proxy with their health, or changes one. drain and
maintenance keep new relays away from it; --within also ends those that it has.
An upstream that drains is still checked, one in maintenance is not. The change
holds until the next one, until a reload removes the upstream, or the proxy
ends. Name the upstream by its address: its number may change at a reload. If
several listeners have it, put the listener first: main/10.0.0.5:6379.`,
  exitCodes: `0 listed or changed, 1 no proxy answers or it has no such upstream,
2 the flags are wrong.`,
});

function question({ values }: CommandArguments): AdminQuestion {
  const given = changes.filter(({ name }) => values.has(name));
  const which = values.get("set");
  if (which === undefined) {
    const [first] = given;
    if (first === undefined) return { method: "GET", path: "/api/upstreams" };
    throw new ConfigError(`--${first.name} needs to know which upstream: --set WHICH`);
  }
  if (given.length === 0) {
    throw new ConfigError("--set needs to know what is wanted: --state, --weight or --within");
  }
  const body = Object.fromEntries(given.map(({ name }) => [name, values.get(name)]));
  return { method: "POST", path: `/api/upstreams/${encodeURIComponent(which)}`, body };
}

/** The upstreams as a table, or a sentence that there are none. */
export function renderUpstreams(upstreams: readonly UpstreamView[]): string {
  if (upstreams.length === 0) return "no listener has an upstream\n";
  const rows = upstreams.map((one) => [
    `${one.id}`,
    one.listener,
    upstreamText(one),
    one.state,
    weightText(one),
    runningText(one),
    healthText(one),
  ]);
  return `${layOut(columns, rows).join("\n")}\n`;
}

/** `10.0.0.5:6379`, followed by the service that it is a member of. */
function upstreamText({ upstream, service }: UpstreamView): string {
  return service === null ? upstream : `${upstream} of ${service}`;
}

/** `10`, or `10 (now 2.5)` during slow start, followed by `backup` for a backup. */
export function weightText({ weight, effectiveWeight, isBackup }: UpstreamView): string {
  const now = Number(effectiveWeight.toPrecision(2));
  const slow = now < weight ? ` (now ${now})` : "";
  return `${weight}${slow}${isBackup ? " backup" : ""}`;
}

/** `12`, or `12/100` with a limit. */
export function runningText({ running, maxRelays }: UpstreamView): string {
  return maxRelays === 0
    ? formatCount(running)
    : `${formatCount(running)}/${formatCount(maxRelays)}`;
}

/** `down for 12s`, and why: the last check's result, otherwise that its name is not resolved. */
export function healthText(one: UpstreamView): string {
  const { health, healthForMs, lastCheck, trouble } = one;
  const why = lastCheck?.detail ?? trouble;
  const since = `${health} for ${formatDuration(healthForMs)}`;
  return `${since}${why === null ? "" : `: ${why}`}${addressesText(one)}`;
}

/** ` [10.0.0.5 up, 10.0.0.6 down]` of a host name. */
function addressesText({ addresses }: UpstreamView): string {
  if (addresses.length === 0) return "";
  const shown = addresses.slice(0, ADDRESSES_SHOWN).map(({ address, health, isCurrent }) => {
    const known = health === "unknown" ? "" : ` ${health}`;
    return `${address}${known}${isCurrent ? "" : " (not in DNS any more)"}`;
  });
  const more = addresses.length - shown.length;
  return ` [${shown.join(", ")}${more > 0 ? ` and ${formatCount(more)} more` : ""}]`;
}
