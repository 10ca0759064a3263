import { defineCommand } from "citty";
import { formatAddress } from "../config/address.ts";
import { ConfigError, printable } from "../config/error.ts";
import { loadFile } from "../config/load.ts";
import type { WantedListener } from "../config/options.ts";
import { formatCounted } from "../config/quantity.ts";
import { Problems } from "../config/sourced.ts";
import { validate } from "../config/validate.ts";
import { checkNetworks } from "../control/edges.ts";
import { destination } from "./announce.ts";
import { cittyArgs } from "./citty-args.ts";
import type { Flag } from "./flag.ts";
import { renderGroup } from "./help.ts";
import { complain, print } from "./output.ts";
import { programName } from "./program.ts";
import { readSwitches } from "./read-flags.ts";
import { warningsOf } from "./warnings.ts";

const switches: readonly Flag[] = [{ name: "help", short: "h", text: ["print this help"] }];

/**
 * `ringway check FILE`: says whether a configuration is right, and starts nothing. Its `run` answers
 * with the exit code and throws ConfigError with all that is wrong.
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
  const { listeners } = validate({}, file, problems);
  await checkNetworks(listeners);
  for (const sentence of warningsOf(listeners)) {
    complain(`${printable(operand)}: warning: ${sentence}`);
  }
  return await print(`${printable(operand)}: ${summary(listeners)}\n`);
}

/** What was understood: `ok: 2 listeners, 3 upstreams` and a line for each listener. */
export function summary(listeners: readonly WantedListener[]): string {
  const upstreams = new Set(
    listeners.flatMap((one) => one.upstreams.map(({ address }) => formatAddress(address))),
  );
  const counts = [
    formatCounted(listeners.length, "listener"),
    formatCounted(upstreams.size, "upstream"),
  ];
  return [`ok: ${counts.join(", ")}`, ...listeners.map(line)].join("\n");
}

function line(listener: WantedListener): string {
  const name = listener.name === undefined ? "" : `${listener.name}: `;
  return `  ${name}${formatAddress(listener.address)}${destination(listener)}`;
}

function help(): string {
  return `Usage: ${programName()} check FILE

Says whether a configuration file, with the files of networks that it names, is
right: all that is wrong with it, a line for each, or else what it means, and
a warning of each listener that refuses everybody, or believes anybody's PROXY
header. Nothing is started, no name is looked up.

${renderGroup({ heading: "Flags", flags: switches })}

Exit codes: 0 it is right, 2 it is not.
`;
}
