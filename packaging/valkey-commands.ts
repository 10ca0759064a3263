import { RedisClient } from "bun";

// Writes src/kinds/valkey/commands.json: what a running Valkey says of its own commands. Its address is the only
// argument: npm run valkey-commands -- redis://127.0.0.1:6379

/** One command as COMMAND describes it: name, arity, flags, keys (3), categories, tips, key specifications, subcommands. */
type Described = readonly [string, number, string[], ...unknown[]];
const SUBCOMMANDS = 9;

const FILE = new URL("../src/kinds/valkey/commands.json", import.meta.url).pathname;

const client = new RedisClient(process.argv[2] ?? "redis://127.0.0.1:6379");
const described = (await client.send("COMMAND", [])) as Described[];
client.close();

const flags: Record<string, readonly string[]> = {};
for (const command of described.flatMap((one) => [
  one,
  ...((one[SUBCOMMANDS] ?? []) as Described[]),
])) {
  flags[command[0].toUpperCase().replace("|", " ")] = command[2].toSorted();
}
const names = Object.keys(flags).toSorted();
const lines = names.map((name) => `  ${JSON.stringify(name)}: ${JSON.stringify(flags[name])}`);
await Bun.write(FILE, `{\n${lines.join(",\n")}\n}\n`);
process.stdout.write(`${names.length} commands in ${FILE}\n`);
