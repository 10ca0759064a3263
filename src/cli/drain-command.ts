import type { DrainDocument, ListenerDrainDocument } from "../admin/api.ts";
import { printable } from "../base/error.ts";
import { formatCounted, formatDuration } from "../base/quantity.ts";
import { drainAnswer } from "./admin-answers.ts";
import { adminCommand } from "./admin-command.ts";

/** `ringway drain`: drains and stops a proxy, or closes one of its listeners. */
export const drainCommand = adminCommand<DrainDocument | ListenerDrainDocument>({
  name: "drain",
  description: "lets a proxy finish its relays and stop",
  flags: [
    {
      name: "listener",
      hint: "NAME",
      text: "only this listener: its name or address",
    },
  ],
  question: ({ values }) => {
    const listener = values.get("listener");
    if (listener === undefined) return { method: "POST", path: "/api/drain" };
    return { method: "POST", path: `/api/listeners/${encodeURIComponent(listener)}/drain` };
  },
  shape: drainAnswer,
  render: renderDrain,
  about: `Stops a proxy gracefully, as SIGTERM does: it accepts no new clients, lets its
relays finish within the drain timeout, and ends. Does not wait for the end.
With --listener, only that listener stops accepting, until a reload.`,
  exitCodes: `0 it drains, 1 no proxy answers or it has no such listener,
2 the flags are wrong.`,
});

function renderDrain(answer: DrainDocument | ListenerDrainDocument): string {
  const limit = `up to ${formatDuration(answer.drainTimeoutMs)}`;
  if ("listener" in answer) return `draining ${printable(answer.listener)}: ${limit}\n`;
  if (answer.running === 0) return "draining: no relays running\n";
  return `draining: ${formatCounted(answer.running, "relay")} running, ${limit}\n`;
}
