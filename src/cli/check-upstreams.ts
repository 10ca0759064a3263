import { formatAddress } from "../base/address.ts";
import type { WantedListener } from "../config/options.ts";
import { namedUpstreams, type UpstreamNames } from "../control/names.ts";
import { type Services, servicesOf } from "../control/services.ts";
import type { Logger } from "../observe/log.ts";
import { warningsOf } from "./warnings.ts";

/** What of a proxy knows what names stand for. */
interface Known {
  readonly upstreams: { readonly names: Pick<UpstreamNames, "problem"> };
  readonly services: Pick<Services, "problem">;
}

/**
 * Warns of listeners that are hardly meant as they are, and of upstreams whose host name or service
 * nobody knows yet, so that a slip of the pen is told at once and not by the first client. The proxy
 * does not wait for that, nor is it stopped by it: what is not known may be known soon, and others may
 * be well.
 *
 * @returns when there was an answer for every name
 */
export async function checkUpstreams(
  listeners: readonly WantedListener[],
  { upstreams: { names }, services }: Known,
  log: Pick<Logger, "warn">,
): Promise<void> {
  for (const sentence of warningsOf(listeners)) log.warn(sentence);
  const warn = (upstream: string, problem: string) =>
    log.warn(`cannot relay to ${upstream} yet: ${problem}; it is looked up again and again`);
  const all = Array.from(namedUpstreams(listeners), async ([name, upstreams]) => {
    const problem = await names.problem(name);
    if (problem === null) return;
    for (const one of new Set(upstreams.map(formatAddress))) warn(one, problem);
  });
  const others = Array.from(servicesOf(listeners), async (name) => {
    const problem = await services.problem(name);
    if (problem !== null) warn(formatAddress({ kind: "service", name }), problem);
  });
  await Promise.all([...all, ...others]);
}
