import { formatAddress } from "../config/address.ts";
import type { Environment } from "../config/environment.ts";
import type { Address } from "../config/options.ts";
import type { Source } from "../config/settings.ts";
import type { Problems } from "../config/sourced.ts";
import { surelyOverlap } from "../engine/overlap.ts";

/**
 * Tells listeners of a file of which Linux lets one worker open only one. A start needs no such look
 * at them: it tries.
 *
 * Several workers share their ports, and sockets that the service manager passes on (`LISTEN_FDS`)
 * may be IPv6 alone or share theirs as well, so that nothing is said of these. Other systems have
 * rules of their own.
 */
export function rejectOverlaps(file: Source, environment: Environment, problems: Problems): void {
  const { workers } = file.settings;
  const isShared = workers !== undefined && workers.value !== 1;
  if (process.platform !== "linux" || isShared || environment.LISTEN_FDS !== undefined) return;
  const earlier: Address[] = [];
  const all = [file, ...(file.listeners ?? [])].flatMap(({ listen = [] }) => listen);
  for (const { value: address, label } of all) {
    if (address === null) continue;
    const name = formatAddress(address);
    const other = earlier.find((one) => surelyOverlap(one, address));
    earlier.push(address);
    // What is given twice has been told.
    if (other === undefined || formatAddress(other) === name) continue;
    const which = `"${name}" overlaps the listener ${formatAddress(other)}`;
    problems.add({ label }, `${which}: with one worker only one of them can be opened`);
  }
}
