import { type Command, type Context, container, redisVersion, wordAt } from "./command.ts";
import { globMatches } from "./glob.ts";
import type { Store } from "./store.ts";

/** A section of INFO: its title and its lines. */
interface Section {
  readonly title: string;
  readonly lines: (context: Context) => Readonly<Record<string, string | number>>;
}

const sections: readonly Section[] = [
  {
    title: "Server",
    lines: ({ status }) => ({
      redis_version: redisVersion,
      redis_mode: "standalone",
      server_name: "ringway-embedded",
      os: `${process.platform} ${process.arch}`,
      process_id: process.pid,
      tcp_port: status.port,
      uptime_in_seconds: Math.floor((performance.now() - status.startedAtMs) / 1000),
    }),
  },
  { title: "Clients", lines: ({ status }) => ({ connected_clients: status.connectionCount }) },
  {
    title: "Memory",
    lines: ({ store }) => ({ used_memory: store.memoryBytes, maxmemory: store.memoryBytesMax }),
  },
  { title: "Stats", lines: ({ status }) => ({ total_commands_processed: status.commandCount }) },
  { title: "Keyspace", lines: ({ store }) => keyspace(store) },
];

/** Words that stand for all sections. */
const everything = new Set(["default", "all", "everything"]);

/** Runs `INFO [section …]`; sections that do not exist are empty, as in Redis. */
export function info(args: readonly Buffer[], context: Context): void {
  const wanted = new Set<string>();
  for (let i = 1; i < args.length; i++) wanted.add(wordAt(args, i));
  const isAll = args.length === 1 || !wanted.isDisjointFrom(everything);
  const texts: string[] = [];
  for (const { title, lines } of sections) {
    if (!isAll && !wanted.has(title.toLowerCase())) continue;
    const pairs = Object.entries(lines(context));
    texts.push(`# ${title}\r\n${pairs.map(([name, value]) => `${name}:${value}\r\n`).join("")}`);
  }
  context.reply.verbatim(texts.join("\r\n"));
}

function keyspace(store: Store): Readonly<Record<string, string>> {
  if (store.size === 0) return {};
  return { db0: `keys=${store.size},expires=${store.expiringCount},avg_ttl=0` };
}

/** CONFIG supports only GET: nothing can be configured through the protocol. */
export const configCommand: Command = container("config", -2, [
  { name: "config|get", arity: -3, run: configGet },
]);

/** The answers of CONFIG GET, all of them true; redis-benchmark asks for `save` and `appendonly`. */
function configuration(store: Store): readonly (readonly [name: string, value: string])[] {
  return [
    ["appendonly", "no"],
    ["databases", "1"],
    ["maxmemory", String(store.memoryBytesMax)],
    ["maxmemory-policy", "noeviction"],
    ["save", ""],
  ];
}

function configGet(args: readonly Buffer[], { reply, store }: Context): void {
  const patterns = args.slice(2).map((arg) => arg.toString("latin1").toLowerCase());
  const found = configuration(store).filter(([name]) =>
    patterns.some((pattern) => globMatches(pattern, name)),
  );
  reply.map(found.length);
  for (const pair of found) for (const text of pair) reply.bulkText(text);
}
