import type { DrainDocument, ListenerDrainDocument } from "../admin/api.ts";
import { printable } from "../base/error.ts";
import { formatCounted, formatDuration } from "../base/quantity.ts";
import { drainAnswer } from "./admin-answers.ts";
import { adminCommand } from "./admin-command.ts";

/** `ringway drain`: lets a proxy finish and stop, or one of its listeners alone. */
export const drainCommand = adminCommand<DrainDocument | ListenerDrainDocument>({
  name: "drain",
  description: "lets a proxy finish its relays and stop",
  flags: [
    {
      name: "listener",
      hint: "NAME",
      text: "only this one: its name, or the address that it accepts on",
    },
  ],
  question: ({ values }) => {
    const listener = values.get("listener");
    if (listener === undefined) return { method: "POST", path: "/api/drain" };
    return { method: "POST", path: `/api/listeners/${encodeURIComponent(listener)}/drain` };
  },
  shape: drainAnswer,
  render: renderDrain,
  about: `Has a proxy stop as at SIGTERM: it accepts nobody new, lets its relays finish
up to its drain timeout, and ends. Does not wait for that. With --listener only
that one accepts nobody new, until a reload, and the proxy goes on.`,
  exitCodes: `0 it drains, 1 no proxy answers or it has no such listener,
2 the flags are wrong.`,
});

function renderDrain(answer: DrainDocument | ListenerDrainDocument): string {
  const limit = `up to ${formatDuration(answer.drainTimeoutMs)}`;
  if ("listener" in answer) return `draining ${printable(answer.listener)}: ${limit}\n`;
  if (answer.running === 0) return "draining: no relays running\n";
  return `draining: ${formatCounted(answer.running, "relay")} running, ${limit}\n`;
}
