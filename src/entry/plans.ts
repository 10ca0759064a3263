import type { ListenerOptions } from "../config/options.ts";
import { ProxyHeaderPlan } from "./proxy-header.ts";
import type { StepPlan } from "./step.ts";
import type { RouteTable } from "./tls-hello/routes.ts";
import { HelloPlan } from "./tls-hello/step.ts";

/**
 * The steps of a listener's clients, in their order.
 *
 * @param routes by which their upstreams are chosen; null for none. Where TLS ends here, a handshake says what a
 *   hello would
 */
export function stepsOf(
  { edge, tls }: Pick<ListenerOptions, "edge" | "tls">,
  routes: RouteTable | null,
): readonly StepPlan[] {
  const looks = routes !== null && tls === null;
  const hello = looks ? new HelloPlan(edge.helloTimeoutMs, routes.takesPlain) : null;
  return [ProxyHeaderPlan.of(edge), hello].filter((plan) => plan !== null);
}
