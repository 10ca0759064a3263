import type { ListenerDocument } from "../admin/listener-document.ts";
import type { PlanDocument } from "../admin/plan-document.ts";
import { printable } from "../base/error.ts";
import { formatCount, formatCounted } from "../base/quantity.ts";
import { tlsNote } from "../config/tls-upstreams.ts";
import type { SettingChange } from "../control/setting-changes.ts";
import { portRuns } from "./port-runs.ts";

/** What a reload does or has done, for people: a summary, and a line for each listener. */
export function renderPlan(plan: PlanDocument): string {
  const engines = new Set(
    [
      ...plan.added,
      ...plan.changed.map(({ after }) => after),
      ...plan.reopened,
      ...(plan.kept ?? []),
    ].map(({ engine }) => engine),
  );
  const saysEngine = engines.size > 1;
  const listeners = (all: readonly Changed<ListenerDocument>[]) => lineOfEach(all, saysEngine);
  const lines = [
    plan.summary,
    ...listeners(plan.added.map((one) => [one])).map(([line]) => `  + ${line}`),
    ...listeners(plan.removed.map((one) => [one])).map(([line]) => `  - ${line}`),
    ...listeners(plan.changed.map(({ after, settings }) => [after, settings])).flatMap(
      ([line, settings]) => [`  ~ ${line}`, ...changes(settings, "      ")],
    ),
    ...listeners(plan.reopened.map((one) => [one])).map(([line]) => `  ^ ${line}`),
    ...changes(plan.settings, "  ~ "),
    ...plan.needRestart.map((name) => `  ! ${name}: a restart changes that, a reload does not`),
  ];
  return `${lines.map(printable).join("\n")}\n`;
}

/** A listener, or its line, with its changes. */
type Changed<T> = readonly [T, settings?: readonly SettingChange[] | undefined];

/** A line for each listener with its changes, or for a run of ports. */
function lineOfEach(
  all: readonly Changed<ListenerDocument>[],
  saysEngine: boolean,
): Changed<string>[] {
  const runs = portRuns(all, ([{ listen, address: _, upstreams, ...rest }, settings]) => ({
    listen,
    upstreams,
    rest: JSON.stringify([rest, settings]),
  }));
  return runs.map(({ first: [one, settings], listen, upstreams }) => [
    listener({ ...one, listen, upstreams: [...upstreams] }, saysEngine),
    settings,
  ]);
}

function listener(
  { name, listen, mode, upstreams, upstreamInside, engine, ...one }: ListenerDocument,
  saysEngine: boolean,
): string {
  // A proxy of an earlier version says nothing of it.
  const secured = tlsNote(upstreams, one.upstreamTls ?? []);
  const named = secured === "" ? upstreams.join(", ") : `${upstreams.join(", ")} ${secured}`;
  const to = upstreamInside ? "(a demo built in)" : named;
  // A proxy of an earlier version has none.
  const routes: number | undefined = one.routes?.length;
  const by = routes ? ` (by ${formatCounted(routes, "route")})` : "";
  const how = mode === "bidirectional" ? "" : ` (${mode})`;
  const where = mode === "sink" ? "(sink)" : `→ ${to}${how}${by}`;
  const carrier = saysEngine ? ` by engine ${engine}` : "";
  return `${name === null ? "" : `${name}: `}${listen}${carrier} ${where}`;
}

/** The most changed settings to list; a listener may have thousands of upstreams. */
const CHANGES_SHOWN = 100;

/** @param all undefined from a proxy of an earlier version */
function changes(all: readonly SettingChange[] | undefined, indent: string): string[] {
  const shown = (all ?? []).slice(0, CHANGES_SHOWN);
  const others = (all?.length ?? 0) - shown.length;
  return [
    ...shown.map(({ setting, before, after }) =>
      before === after
        ? `${indent}${setting}: another one ${after}`
        : `${indent}${setting}: ${before} → ${after}`,
    ),
    ...(others > 0 ? [`${indent}and ${formatCount(others)} more`] : []),
  ];
}
