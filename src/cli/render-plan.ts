import { printable } from "../config/error.ts";
import type { PlanDocument } from "../control/admin/plan-document.ts";
import type { ListenerDocument } from "../control/admin/state.ts";

/** What a reload does, or has done, for a person: its line, and a line for each listener. */
export function renderPlan(plan: PlanDocument): string {
  const lines = [
    plan.summary,
    ...plan.added.map((one) => `  + ${listener(one)}`),
    ...plan.removed.map((one) => `  - ${listener(one)}`),
    ...plan.changed.map(({ after }) => `  ~ ${listener(after)}`),
    ...plan.reopened.map((one) => `  ^ ${listener(one)}`),
    ...plan.needRestart.map((name) => `  ! ${name}: a restart changes that, a reload does not`),
  ];
  return `${lines.map(printable).join("\n")}\n`;
}

function listener({ name, listen, mode, upstreams, upstreamInside }: ListenerDocument): string {
  const to = upstreamInside ? "(a demo built in)" : upstreams.join(", ");
  const where = mode === "sink" ? "(sink)" : `→ ${to}${mode === "oneway" ? " (oneway)" : ""}`;
  return `${name === null ? "" : `${name}: `}${listen} ${where}`;
}
