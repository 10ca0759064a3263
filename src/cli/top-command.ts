import { defineCommand } from "citty";
import { type RelayOrder, relayOrders } from "../admin/relay-query.ts";
import { ConfigError } from "../base/error.ts";
import { word } from "../config/rule.ts";
import { AdminClient, adminFlags } from "./admin-client.ts";
import { cittyArgs } from "./citty-args.ts";
import type { Flag } from "./flag.ts";
import { renderGroup } from "./help.ts";
import { print } from "./output.ts";
import { programName } from "./program.ts";
import { readSwitches } from "./read-flags.ts";
import { Terminal } from "./top/terminal.ts";
import { snapshot, Top, Watch } from "./top/top.ts";

const flags: readonly Flag[] = [
  {
    name: "sort",
    hint: "WORD",
    text: "relays by bytes, duration, client or id",
    initial: "bytes",
  },
  ...adminFlags.filter(({ name }) => name !== "json"),
];
/** How long the proxy may take to answer, in milliseconds: the screen must be up to date. */
const PATIENCE_MS = 3_000;
/** The number of relays in a snapshot. */
const SNAPSHOT_RELAYS = 100;

/** `ringway top`: shows a running proxy, live. */
export const topCommand = defineCommand({
  meta: { name: "top", description: "shows a running proxy, live" },
  args: cittyArgs(flags),
  run: ({ rawArgs }) => run(rawArgs),
});

async function run(rawArgs: readonly string[]): Promise<number> {
  const line = readSwitches(rawArgs, flags);
  if (line.switches.has("help")) return await print(help());
  const order = { sort: sortOf(line.values.get("sort") ?? "bytes"), isReversed: false };
  const watch = new Watch(AdminClient.of(line, "top", PATIENCE_MS));
  const { NO_COLOR = "", TERM } = process.env;
  // A dumb terminal cannot place the cursor.
  if (!Terminal.isThere || TERM === "dumb") {
    return await print(await snapshot(watch, order, SNAPSHOT_RELAYS));
  }
  return await new Top(watch, new Terminal(NO_COLOR === ""), order).run();
}

function sortOf(value: string): RelayOrder {
  try {
    return word(relayOrders)(value);
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`--sort ${error.message}`);
    throw error;
  }
}

function help(): string {
  return `Usage: ${programName()} top --admin ADDR [flags]

Shows a running proxy, updated once a second: its listeners, its upstreams with
their health, and its relays. Keys: b, d, c and i sort by bytes, age, client
and id, r reverses, q quits. Without a terminal it prints once.

${renderGroup({ heading: "Flags", flags })}

Exit codes: 0 shown, 1 no proxy answers, 2 the flags are wrong.
`;
}
