import { printable } from "../config/error.ts";
import { formatCount } from "../config/quantity.ts";
import type { ListenerDocument } from "../control/admin/listener-document.ts";
import type { PlanDocument } from "../control/admin/plan-document.ts";
import type { SettingChange } from "../control/setting-changes.ts";

/** What a reload does, or has done, for a person: its line, and a line for each listener. */
export function renderPlan(plan: PlanDocument): string {
  const lines = [
    plan.summary,
    ...plan.added.map((one) => `  + ${listener(one)}`),
    ...plan.removed.map((one) => `  - ${listener(one)}`),
    ...plan.changed.flatMap(({ after, settings }) => [
      `  ~ ${listener(after)}`,
      ...changes(settings, "      "),
    ]),
    ...plan.reopened.map((one) => `  ^ ${listener(one)}`),
    ...changes(plan.settings, "  ~ "),
    ...plan.needRestart.map((name) => `  ! ${name}: a restart changes that, a reload does not`),
  ];
  return `${lines.map(printable).join("\n")}\n`;
}

function listener({ name, listen, mode, upstreams, upstreamInside }: ListenerDocument): string {
  const to = upstreamInside ? "(a demo built in)" : upstreams.join(", ");
  const where = mode === "sink" ? "(sink)" : `→ ${to}${mode === "oneway" ? " (oneway)" : ""}`;
  return `${name === null ? "" : `${name}: `}${listen} ${where}`;
}

/** So many changed settings are named; a listener may have thousands of upstreams. */
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
