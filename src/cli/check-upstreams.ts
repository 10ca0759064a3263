import { formatAddress } from "../base/address.ts";
import type { WantedListener } from "../config/options.ts";
import { namedUpstreams, type UpstreamNames } from "../control/names.ts";
import { type Services, servicesOf } from "../control/services.ts";
import type { Logger } from "../observe/log.ts";
import { warningsOf } from "./warnings.ts";

/** The parts of a proxy that know the addresses of names. */
interface Known {
  readonly upstreams: { readonly names: Pick<UpstreamNames, "problem"> };
  readonly services: Pick<Services, "problem">;
}

/**
 * Warns about listeners that are probably a mistake, and about upstreams whose host name or service
 * cannot be resolved yet, so that a typing error shows before the first client comes. The proxy
 * does not wait for that and runs anyway: the name may be resolved soon, and other upstreams may
 * work.
 *
 * @returns once every name has had an answer
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
