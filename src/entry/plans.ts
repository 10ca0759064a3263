import type { EdgeOptions } from "../config/options.ts";
import { ProxyHeaderPlan } from "./proxy-header.ts";
import type { StepPlan } from "./step.ts";
import type { RouteTable } from "./tls-hello/routes.ts";
import { HelloPlan } from "./tls-hello/step.ts";

/**
 * The steps of a listener's clients, in their order.
 *
 * @param routes by which their upstreams are chosen; null for none
 */
export function stepsOf(edge: EdgeOptions, routes: RouteTable | null): readonly StepPlan[] {
  const hello = routes === null ? null : new HelloPlan(edge.helloTimeoutMs, routes.takesPlain);
  return [ProxyHeaderPlan.of(edge), hello].filter((plan) => plan !== null);
}
