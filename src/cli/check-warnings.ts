import { formatAddress } from "../base/address.ts";
import { formatDuration } from "../base/quantity.ts";
import { listenerDefaults } from "../config/defaults.ts";
import { routeWarnings } from "../config/name-routes.ts";
import type { WantedListener } from "../config/options.ts";
import type { Source } from "../config/settings.ts";
import type { Sourced } from "../config/sourced.ts";
import type { Settings } from "../config/validate.ts";
import { nameOfListener } from "../relay/ledger/account.ts";
import { startProblems } from "./start-problems.ts";

/** A number without a unit is likely one of milliseconds from here on, as seconds it is long. */
const LIKELY_MILLISECONDS = 500;

/** What `check` warns of beside what the proxy itself does, as sentences without the file's name. */
export function checkWarnings(file: Source, settings: Settings): readonly string[] {
  const { listeners, totalRelays } = settings;
  return [
    ...new Set([
      ...bareNumbers(file),
      ...listeners.flatMap((one) => withoutEffect(one, totalRelays)),
      ...listeners.flatMap(ofRoutes),
      ...startProblems(settings),
    ]),
  ];
}

/** Times that were given as plain numbers, which are seconds: `connectTimeout = 3000` is 50 minutes. */
function bareNumbers({ settings, listeners }: Source): string[] {
  const all = [settings, ...(listeners ?? []).map((one) => one.settings)];
  const values = all.flatMap((one) => Object.values(one) as readonly Sourced<unknown>[]);
  return values.flatMap(({ value, given, label }) => {
    // Of what can be written as a plain number only times become another one: milliseconds.
    if (typeof given !== "number" || given < LIKELY_MILLISECONDS || value !== given * 1_000)
      return [];
    // The file's name is told already.
    const setting = label.slice(label.lastIndexOf(": ") + 1).trim();
    const means = `is a number of seconds, ${formatDuration(value as number)}`;
    return [
      `${setting} ${given} ${means}: write "${given}ms" or "${given}s" to say which is meant`,
    ];
  });
}

/** Routes that no client gets through, upstreams that none leads to, names that are there for nothing. */
function ofRoutes(listener: WantedListener): readonly string[] {
  const { routes, upstreams } = listener;
  const name = `listener ${nameOfListener(listener, listener.address)}`;
  const named = upstreams.map(({ address, weight }) => ({ name: formatAddress(address), weight }));
  return routeWarnings(name, routes, named);
}

/** Settings of a listener that do nothing, as another one is wanting. */
function withoutEffect(listener: WantedListener, totalRelays: number): string[] {
  const { dial, edge, balance, upstreams } = listener;
  const { dial: initial } = listenerDefaults;
  const isLimited = upstreams.some(({ maxRelays }) => maxRelays > 0);
  const waits = edge.whenFull === "wait";
  const idle: readonly (readonly [boolean, string, string])[] = [
    [dial.queueMs > 0 && !isLimited, "queueTimeout", "no upstream has maxRelays"],
    [
      dial.queueMax !== initial.queueMax && dial.queueMs === 0 && !waits,
      "queueSize",
      "neither queueTimeout nor whenFull lets anybody wait",
    ],
    [
      waits && edge.maxRelays === 0 && totalRelays === 0,
      "whenFull",
      "neither maxRelays nor totalRelays limits it",
    ],
    [
      edge.fullTimeoutMs !== listenerDefaults.edge.fullTimeoutMs && !waits,
      "fullTimeout",
      "whenFull is refuse",
    ],
    [
      dial.retryPauseMs !== initial.retryPauseMs && dial.retries === 0,
      "retryPause",
      "retries is 0",
    ],
    [
      balance.backupWhenFull && !upstreams.some(({ isBackup }) => isBackup),
      "backupWhenFull",
      "no upstream is a backup",
    ],
    [
      edge.preambleTimeoutMs !== listenerDefaults.edge.preambleTimeoutMs &&
        edge.proxyProtocol === "off",
      "preambleTimeout",
      "proxyProtocol is off",
    ],
  ];
  const name = nameOfListener(listener, listener.address);
  return idle.flatMap(([isIdle, setting, why]) =>
    isIdle ? [`${setting} of listener ${name} has no effect: ${why}`] : [],
  );
}
