import type { EdgeOptions } from "../config/options.ts";
import { ProxyHeaderPlan } from "./proxy-header.ts";
import type { StepPlan } from "./step.ts";

/** The steps of a listener's clients, in their order. */
export function stepsOf(edge: EdgeOptions): readonly StepPlan[] {
  return [ProxyHeaderPlan.of(edge)].filter((plan) => plan !== null);
}
