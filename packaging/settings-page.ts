import { wordsOf } from "../src/config/table/kind.ts";
import {
  listenerPlaces,
  type Place,
  topPlaces,
  upstreamPlaces,
} from "../src/config/table/places.ts";
import { type Setting, type Table, textOf } from "../src/config/table/setting.ts";
import { settingGroups, upstreamTable } from "../src/config/table/table.ts";

const HEAD = `<!-- Written by \`npm run settings\` from src/config/table: change that instead. -->

# Settings

All settings, as a configuration file calls them. A flag is the same word in kebab-case, such as
\`--connect-timeout\` for \`connectTimeout\`. Flags win over the file.

\`\`\`toml check
connectTimeout = "2s"      # at the top: for all listeners

[[listeners]]
listen = ":6380"
upstreams = "10.0.0.5:6379"
connectTimeout = "500ms"   # here: for this one only
\`\`\`

- A **time** is \`500ms\`, \`5s\`, \`2m\`, \`1h\` or a number of seconds. A **size** is \`64KiB\`, \`64k\`,
  \`1MiB\` or a number of bytes. In a file, what can be \`off\` can also be \`false\`.
- **values** is a range, a list of words, or a word for what you give, as the help has it: \`N\` is a
  number, \`ADDR\` an address, \`NETS\` are networks.
- **of** says what it belongs to. \`listener\`: each listener may have its own. \`upstream\`: each
  upstream may. \`proxy\`: there is one for the whole proxy. \`uring\`: it belongs to the uring engine.
- **reload** says when a change of the file takes effect. \`now\`: at once, but running relays keep
  the options that they began with. \`restart\`: after a restart.
- **Environment**: no environment variable sets a setting by itself. A file may use any of them in a
  text: \`"\${NAME}"\`, or \`"\${NAME:-default}"\` with a default.
- **Since**: every setting on this page exists since version 0.1.0.
`;

/** The whole of docs/settings.md. */
export function renderSettingsPage(): string {
  return [
    HEAD,
    section("Addresses", placeRows(topPlaces, "")),
    section("A listener of the list `listeners`", placeRows(listenerPlaces, "")),
    section("An upstream that is a table", [
      ...placeRows(upstreamPlaces, ""),
      ...settingRows(upstreamTable, ""),
    ]),
    ...Object.values(settingGroups).map(({ heading, settings }) =>
      section(heading, settingRows(settings, heading.startsWith("io_uring") ? "uring." : "")),
    ),
  ].join("\n");
}

type Row = readonly [
  setting: string,
  about: string,
  values: string,
  initial: string,
  of: string,
  reload: string,
];

function section(heading: string, rows: readonly Row[]): string {
  const head: Row[] = [
    ["setting", "what it does", "values", "default", "of", "reload"],
    ["---", "---", "---", "---", "---", "---"],
  ];
  const lines = [...head, ...rows].map((cells) => `| ${cells.map(cell).join(" | ")} |`);
  return `## ${heading}\n\n${lines.join("\n")}\n`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function placeRows(places: Readonly<Record<string, Place>>, prefix: string): Row[] {
  return Object.entries(places).map(([key, place]) => [
    `\`${prefix}${key}\``,
    textOf(place),
    "",
    place.initial === undefined ? "" : `\`${place.initial}\``,
    "",
    "now",
  ]);
}

function settingRows(table: Table, prefix: string): Row[] {
  return Object.entries(table).map(([key, setting]) => [
    `\`${prefix}${key}\`${letterOf(setting)}`,
    sentencesOf(setting),
    valuesOf(setting),
    setting.initial === undefined ? (setting.unless ?? "") : `\`${setting.initial}\``,
    setting.scope,
    reloadOf(setting),
  ]);
}

function letterOf({ short, isCode }: Setting): string {
  if (isCode === true) return " (no flag)";
  return short === undefined ? "" : `, \`-${short}\``;
}

/** A range, words, or the help's word for a value that has neither. */
function valuesOf({ is, hint = is.hint }: Setting): string {
  if (is.range !== undefined) return is.range;
  const words = wordsOf(is);
  // The sentences name other values, such as a number.
  return words.length > 1 ? words.join(", ") : hint;
}

function sentencesOf({ about, more, needs }: Setting): string {
  const needed = needs === undefined ? "" : `Needs \`${needs}\`.`;
  return [about, more ?? "", needed].filter((one) => one !== "").join(" ");
}

function reloadOf({ scope, needsRestart }: Setting): string {
  return needsRestart === true || scope === "uring" ? "restart" : "now";
}
