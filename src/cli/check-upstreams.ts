import { formatAddress } from "../config/address.ts";
import type { ListenerOptions } from "../config/options.ts";
import { namedUpstreams, type UpstreamNames } from "../control/names.ts";
import type { Logger } from "../observe/log.ts";

/**
 * Warns of upstreams whose host name nobody knows yet, so that a slip of the pen is told at once and
 * not by the first client. The proxy does not wait for that, nor is it stopped by it: what is not
 * known may be known soon, and others may be well.
 *
 * @returns when there was an answer for every name
 */
export async function checkUpstreams(
  listeners: readonly ListenerOptions[],
  names: Pick<UpstreamNames, "problem">,
  log: Pick<Logger, "warn">,
): Promise<void> {
  const all = Array.from(namedUpstreams(listeners), async ([name, upstreams]) => {
    const problem = await names.problem(name);
    if (problem === null) return;
    for (const one of new Set(upstreams.map(formatAddress))) {
      log.warn(`cannot relay to ${one} yet: ${problem}; it is looked up again and again`);
    }
  });
  await Promise.all(all);
}
