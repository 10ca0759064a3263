import type { PlanDocument } from "../admin/plan-document.ts";
import { planAnswer } from "./admin-answers.ts";
import { adminCommand } from "./admin-command.ts";
import { renderPlan } from "./render-plan.ts";

/** `ringway plan`: what a reload would change. */
export const planCommand = adminCommand<PlanDocument>({
  name: "plan",
  description: "says what a reload would change",
  question: () => ({ method: "POST", path: "/api/plan" }),
  shape: planAnswer,
  render: renderPlan,
  about: `Has a proxy read its configuration anew and says what a reload would change:
listeners that are added (+), removed (-) or changed (~), and what only a
restart changes (!), with each changed setting before and after. Nothing is
done, and no secret is told.`,
  exitCodes: "0 told, 1 no proxy answers, 2 the flags or its file are wrong.",
});
