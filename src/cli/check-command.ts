import { defineCommand } from "citty";
import { formatAddress } from "../base/address.ts";
import { ConfigError, printable } from "../base/error.ts";
import { formatCount, formatCounted } from "../base/quantity.ts";
import { listenerDefaults } from "../config/defaults.ts";
import { plainUpstream } from "../config/listeners.ts";
import { loadFile } from "../config/load.ts";
import type { WantedListener } from "../config/options.ts";
import { Problems } from "../config/sourced.ts";
import { type Settings, validate } from "../config/validate.ts";
import { checkNetworks } from "../control/edges.ts";
import { listenerChanges, proxyChanges, type SettingChange } from "../control/setting-changes.ts";
import { destination, upstreamNames } from "./announce.ts";
import { checkWarnings } from "./check-warnings.ts";
import { cittyArgs } from "./citty-args.ts";
import type { Flag } from "./flag.ts";
import { renderGroup } from "./help.ts";
import { complain, print } from "./output.ts";
import { portRuns } from "./port-runs.ts";
import { programName } from "./program.ts";
import { readSwitches } from "./read-flags.ts";
import { warningsOf } from "./warnings.ts";

const switches: readonly Flag[] = [{ name: "help", short: "h", text: "print this help" }];

/**
 * `ringway check FILE`: checks a configuration without starting anything. Its `run` returns
 * the exit code, and throws ConfigError with all problems.
 */
export const checkCommand = defineCommand({
  meta: { name: "check", description: "says whether a configuration is right" },
  args: cittyArgs(switches),
  run: ({ rawArgs }) => check(rawArgs),
});

async function check(rawArgs: readonly string[]): Promise<number> {
  const { switches: given, operand } = readSwitches(rawArgs, switches, 1);
  if (given.has("help")) return await print(help());
  if (operand === null) throw new ConfigError(`check needs a file: ${programName()} check FILE`);
  const problems = new Problems();
  const file = await loadFile(operand, process.env, problems);
  const settings = validate({}, file, problems);
  const { listeners } = settings;
  await checkNetworks(listeners);
  for (const sentence of [...warningsOf(listeners), ...checkWarnings(file, settings)]) {
    complain(`${printable(operand)}: warning: ${sentence}`);
  }
  return await print(`${printable(operand)}: ${summary(settings)}\n`);
}

/**
 * The summary: `ok: 2 listeners, 3 upstreams`, what differs from the defaults for the whole
 * proxy, and each listener's addresses with what differs there.
 */
export function summary(settings: Settings): string {
  const { listeners } = settings;
  const upstreams = new Set(
    listeners.flatMap((one) => one.upstreams.map(({ address }) => formatAddress(address))),
  );
  // Addresses with one name are one listener.
  const groups = [...Map.groupBy(listeners, (one) => one.name ?? one).values()];
  const counts = [
    formatCounted(groups.length, "listener"),
    formatCounted(upstreams.size, "upstream"),
  ];
  return [
    `ok: ${counts.join(", ")}`,
    ...differences(proxyChanges(validate({}), settings), "  "),
    ...listenerLines(groups),
  ].join("\n");
}

/** The differences of a listener from one that has nothing but these upstreams. */
function ownDifferences(listener: WantedListener | undefined): string[] {
  if (listener === undefined) return [];
  const { name, address } = listener;
  const upstreams = listener.upstreams.map((one) => plainUpstream(one.address));
  const named = name === undefined ? {} : { name };
  const plain = { ...listenerDefaults, ...named, address, upstreams };
  const changes = listenerChanges(plain, listener);
  // Its line shows these already.
  const others = changes.filter(({ setting }) => setting !== "mode" && setting !== "mirror");
  return differences(others, "    ");
}

/** The most differences to list for one listener. */
const DIFFERENCES_SHOWN = 100;

function differences(all: readonly SettingChange[], indent: string): string[] {
  const shown = all.slice(0, DIFFERENCES_SHOWN);
  const others = all.length - shown.length;
  return [
    ...shown.map(({ setting, before, after }) =>
      printable(`${indent}${setting} ${after} (default: ${before})`),
    ),
    ...(others > 0 ? [`${indent}and ${formatCount(others)} more`] : []),
  ];
}

/** Each listener with its addresses and differences; consecutive ports are shown as one. */
function listenerLines(groups: readonly (readonly WantedListener[])[]): string[] {
  const all = groups.flatMap((group) => {
    const told = ownDifferences(group[0]);
    return group.map((listener) => ({ listener, told }));
  });
  const runs = portRuns(all, ({ listener, told }) => ({
    listen: formatAddress(listener.address),
    upstreams: upstreamNames(listener),
    rest: JSON.stringify([listener.name, destination(listener, []), told]),
  }));
  return runs.flatMap(({ first: { listener, told }, listen, upstreams }, index) => {
    const name = listener.name === undefined ? "" : `${listener.name}: `;
    const line = `  ${name}${listen}${destination(listener, upstreams)}`;
    // Differences follow the last address of a listener.
    const next = runs[index + 1]?.first.listener;
    const isLast = listener.name === undefined || next?.name !== listener.name;
    return isLast ? [line, ...told] : [line];
  });
}

function help(): string {
  return `Usage: ${programName()} check FILE

Checks a configuration file and the files of networks that it names. Prints all
that is wrong, one line each, or what the file means and what differs from the
defaults. Warns of listeners that refuse everybody or trust everybody's PROXY
header, of long times without a unit, of settings without effect, and of files,
folders and users that a start would fail on. Starts nothing and looks up no
name.

${renderGroup({ heading: "Flags", flags: switches })}

Exit codes: 0 the file is right, 2 it is wrong.
`;
}
