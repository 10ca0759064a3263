import { ConfigError } from "../../base/error.ts";
import { fragmentOf, type Setting, type Table } from "../../config/table/setting.ts";
import { listenerTable, proxyTable, upstreamTable, uringTable } from "../../config/table/table.ts";
import { wrap } from "../wrap.ts";
import { type Language, toml, typescript, yaml } from "./language.ts";

const languages: ReadonlyMap<string, Language> = new Map([
  [".toml", toml],
  [".yaml", yaml],
  [".yml", yaml],
  [".ts", typescript],
]);

/** The width of an example, and the column of its comments. */
const WIDTH = 80;
const COMMENT_COLUMN = 30;

/** A listener of the example. Its settings are those whose entries name it. */
interface ExampleListener {
  readonly name: string;
  readonly listen: string | readonly string[];
  /** Addresses. A table gets the settings whose entries name its host. */
  readonly upstreams: readonly (string | { readonly address: string })[];
}

/** Settings of a listener, by their keys. */
type ExampleSettings = Readonly<Record<string, string>>;

const REDIS: ExampleListener = {
  name: "redis",
  listen: "127.0.0.1:6380",
  upstreams: ["${REDIS:-127.0.0.1:6379}"],
};

const listeners: readonly ExampleListener[] = [
  REDIS,
  {
    name: "postgres",
    listen: [":5432", "unix:/run/ringway/postgres.sock"],
    upstreams: ["db1:5432", { address: "db2:5432" }],
  },
  {
    name: "sessions",
    listen: ":6381",
    upstreams: ["cache1", "cache2", "cache3"].map((host) => ({ address: `${host}:6379` })),
  },
  { name: "cache", listen: ":6382", upstreams: ["valkey1:6379", "valkey2:6379"] },
  { name: "web", listen: ":8080", upstreams: ["web1:80", "web2:80"] },
  { name: "mail", listen: ":2525", upstreams: ["mail:25"] },
];

/**
 * An example of a configuration file, with comments if its language has them.
 *
 * @param suffix of the file, in lower case, with its dot
 * @param more settings of the listener that is in force
 * @throws ConfigError for a language without an example
 */
export function exampleFor(suffix: string, more: ExampleSettings = {}): string {
  if (suffix === ".json") return jsonExample(more);
  const language = languages.get(suffix);
  if (language !== undefined) return exampleIn(language, more);
  throw new ConfigError("expected a name that ends in .toml, .yaml, .yml, .json or .ts");
}

/** JSON has no comments. */
function jsonExample(more: ExampleSettings): string {
  const { connectTimeout, halfCloseTimeout } = listenerTable;
  const settings = {
    connectTimeout: connectTimeout.initial,
    halfCloseTimeout: halfCloseTimeout.initial,
    drainTimeout: proxyTable.drainTimeout.initial,
    listeners: [{ ...REDIS, ...more }],
  };
  return `${JSON.stringify(settings, null, 2)}\n`;
}

function exampleIn(language: Language, more: ExampleSettings): string {
  const lines = language.whole({
    notes: [
      "What ringway relays, and how. All settings are here; those after a sign of a",
      "comment have the value that they have anyway.",
      "",
      ...language.notes,
    ].map((line) => `${language.sign} ${line}`.trimEnd()),
    top: [
      `${language.sign} For the whole proxy.`,
      ...defaultsOf(proxyTable, language),
      "",
      `${language.sign} For every listener that does not say it itself.`,
      ...defaultsOf(listenerTable, language),
    ],
    listeners: listeners.map((one) => [
      ...listenerLines(one, language),
      ...Object.entries(one === REDIS ? more : {}).map(([key, value]) => language.line(key, value)),
    ]),
    uring: defaultsOf(uringTable, language),
  });
  return `${lines.join("\n")}\n`;
}

/** The settings of a table with their defaults, commented out. */
function defaultsOf(table: Table, language: Language): string[] {
  return Object.entries(table).flatMap(([key, setting]) => {
    const value = setting.initial ?? setting.example;
    const isLeftOut = setting.isCode === true || setting.needs !== undefined;
    if (value === undefined || isLeftOut) return [];
    return commented(`${language.sign}${language.line(key, value)}`, setting, language);
  });
}

/** A line with its comment beside it, which may take further lines. */
function commented(line: string, setting: Setting, { sign, margin }: Language): string[] {
  const column = Math.max(COMMENT_COLUMN, line.length + 1);
  const [first = "", ...more] = wrap(
    fragmentOf(setting),
    WIDTH - margin - column - sign.length - 1,
  );
  return [
    `${line.padEnd(column)}${sign} ${first}`,
    ...more.map((text) => `${sign}${" ".repeat(column - sign.length)}${sign} ${text}`),
  ];
}

function listenerLines({ name, listen, upstreams }: ExampleListener, language: Language): string[] {
  const settings = examplesFor(name, listenerTable, language);
  return [
    language.line("name", name),
    language.line("listen", listen),
    ...upstreamLines(upstreams, language),
    ...Object.entries(settings).map(([key, value]) => language.line(key, value)),
  ];
}

function upstreamLines(upstreams: ExampleListener["upstreams"], language: Language): string[] {
  const all = upstreams.map((one) => {
    if (typeof one === "string") return one;
    const [host = ""] = one.address.split(":");
    return { ...one, ...examplesFor(host, upstreamTable, language) };
  });
  const line = language.line("upstreams", all);
  if (line.length <= WIDTH - 2 * language.margin) return [line];
  // One item per line.
  const [head = ""] = language.line("upstreams", []).split("[]");
  const items = all.map((one) => {
    const [, item = ""] = /^k(?:: | = )(.*?),?$/.exec(language.line("k", one)) ?? [];
    return `  ${item},`;
  });
  return [`${head}[`, ...items, language.isCode ? "]," : "]"];
}

/** The example values of a table's entries for this name. */
function examplesFor(name: string, table: Table, language: Language): Record<string, unknown> {
  const entries = Object.entries(table).flatMap(([key, { examples, isCode }]) => {
    const value = examples?.[name];
    return value === undefined || (isCode === true && !language.isCode) ? [] : [[key, value]];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}
