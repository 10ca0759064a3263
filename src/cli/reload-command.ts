import type { PlanDocument } from "../admin/plan-document.ts";
import { planAnswer } from "./admin-answers.ts";
import { adminCommand } from "./admin-command.ts";
import { renderPlan } from "./render-plan.ts";

/** `ringway reload`: makes a proxy reload its configuration. */
export const reloadCommand = adminCommand<PlanDocument>({
  name: "reload",
  description: "makes a proxy reload its configuration",
  question: () => ({ method: "POST", path: "/api/reload" }),
  shape: planAnswer,
  render: renderPlan,
  about: `Reloads the configuration of a proxy, as SIGHUP does, and shows what changed.
Running relays go on, except those that --on-remove ends with their upstream. If
the configuration is wrong, nothing changes.`,
  exitCodes: `0 done, 1 no proxy answers or it cannot do that now, 2 the flags
or its file are wrong.`,
});
