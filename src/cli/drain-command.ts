import { formatCounted, formatDuration } from "../config/quantity.ts";
import type { DrainDocument } from "../control/admin/api.ts";
import { adminCommand } from "./admin-command.ts";

/** `ringway drain`: lets a proxy finish and stop. */
export const drainCommand = adminCommand<DrainDocument>({
  name: "drain",
  description: "lets a proxy finish its relays and stop",
  method: "POST",
  path: () => "/api/drain",
  render: ({ running, drainTimeoutMs }) => {
    if (running === 0) return "draining: no relays running\n";
    const relays = formatCounted(running, "relay");
    return `draining: ${relays} running, up to ${formatDuration(drainTimeoutMs)}\n`;
  },
  about: `Has a proxy stop as at SIGTERM: it accepts nobody new, lets its relays finish
up to its drain timeout, and ends. Does not wait for that.`,
  exitCodes: "0 it drains, 1 no proxy answers, 2 the flags are wrong.",
});
