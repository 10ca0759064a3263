import type { PlanDocument } from "../admin/plan-document.ts";
import { planAnswer } from "./admin-answers.ts";
import { adminCommand } from "./admin-command.ts";
import { renderPlan } from "./render-plan.ts";

/** `ringway plan`: shows what a reload would change. */
export const planCommand = adminCommand<PlanDocument>({
  name: "plan",
  description: "says what a reload would change",
  question: () => ({ method: "POST", path: "/api/plan" }),
  shape: planAnswer,
  render: renderPlan,
  about: `Shows what a reload would change: listeners added (+), removed (-) or changed
(~), and what only a restart changes (!), each setting before and after. Changes
nothing, and shows no secrets.`,
  exitCodes: "0 shown, 1 no proxy answers, 2 the flags or its file are wrong.",
});
