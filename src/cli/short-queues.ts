import { formatCount } from "../base/quantity.ts";
import { listenerDefaults } from "../config/defaults.ts";
import type { WantedListener } from "../config/options.ts";
import { nameOfListener } from "../relay/ledger/account.ts";
import { type ReadText, readText, sysctlNumber } from "../system/system.ts";

/**
 * Warnings about listeners whose backlog exceeds the kernel's limit, which the kernel silently
 * applies. The default causes no warning: nobody chose it, and `doctor` reports it.
 */
export function shortQueues(
  listeners: readonly WantedListener[],
  read: ReadText = readText,
): readonly string[] {
  const asking = listeners.filter(({ backlog }) => backlog !== listenerDefaults.backlog);
  const most = asking.length === 0 ? null : sysctlNumber(read, "net.core.somaxconn");
  if (most === null) return [];
  // Addresses with one name are one listener.
  const cut = new Map(
    asking
      .filter(({ backlog }) => backlog > most)
      .map((one) => [nameOfListener(one, one.address), one.backlog]),
  );
  const why = `net.core.somaxconn is ${formatCount(most)}, and no more wait`;
  return Array.from(
    cut,
    ([name, backlog]) => `backlog ${formatCount(backlog)} of listener ${name}: ${why}`,
  );
}
