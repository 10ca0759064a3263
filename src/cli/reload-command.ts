import type { PlanDocument } from "../admin/plan-document.ts";
import { planAnswer } from "./admin-answers.ts";
import { adminCommand } from "./admin-command.ts";
import { renderPlan } from "./render-plan.ts";

/** `ringway reload`: has a proxy take its configuration anew. */
export const reloadCommand = adminCommand<PlanDocument>({
  name: "reload",
  description: "has a proxy read its configuration anew",
  question: () => ({ method: "POST", path: "/api/reload" }),
  shape: planAnswer,
  render: renderPlan,
  about: `Has a proxy read its configuration anew and apply what differs, as SIGHUP does;
then says what that was. No relay ends but those of an upstream that goes, where
--on-remove wants that. What is wrong changes nothing.`,
  exitCodes: `0 done, 1 no proxy answers or it cannot do that now, 2 the flags
or its file are wrong.`,
});
