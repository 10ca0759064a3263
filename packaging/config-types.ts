import { wrap } from "../src/cli/wrap.ts";
import {
  listenerPlaces,
  type Place,
  topPlaces,
  upstreamPlaces,
} from "../src/config/table/places.ts";
import {
  type Scope,
  type Setting,
  sentenceOf,
  type Table,
  textOf,
} from "../src/config/table/setting.ts";
import { settingGroups, upstreamTable, uringTable } from "../src/config/table/table.ts";

/*
 * The types of a configuration, as a program writes it, made of the table of settings: an editor shows
 * the comment of a key, which no type that is inferred could have.
 */

const HEAD = `// Written by \`npm run settings\` from src/config/table: change that instead.
import type { Route } from "../entry/route/connection.ts";
import type { CertificateConfig } from "./certificate-pairs.ts";
import type { NameRouteConfig } from "./name-routes.ts";

/** \`"500ms"\`, \`"5s"\`, \`"2m"\`, \`"1h"\`, or a number of seconds. */
export type Duration = string | number;

/** \`"50us"\`, \`"5ms"\`, \`"1s"\`, or a number of seconds. */
export type ShortDuration = string | number;

/** \`"64KiB"\`, \`"64k"\`, \`"1MiB"\`, or a number of bytes. */
export type Size = string | number;

/** What may be switched: \`true\` and \`"on"\` are the same. */
export type OnOff = boolean | "on" | "off";

/** One upstream: its address, or a table that says more of it. */
export type UpstreamConfig = string | UpstreamTable;
`;

/** The whole of src/config/config-types.ts. */
export function renderConfigTypes(): string {
  const { relaying, choosing, checking, entering, endingTls, deciding, copying, limits, running } =
    settingGroups;
  const own = {
    ...relaying.settings,
    ...choosing.settings,
    ...limits.settings,
    ...running.settings,
  };
  const all = Object.assign({}, ...Object.values(settingGroups).map(({ settings }) => settings));
  return [
    HEAD,
    shape("UpstreamTable", "An upstream with what is said of it.", upstreamPlaces, upstreamTable),
    shape(
      "HealthSettings",
      PART("How upstreams' health is found out, and what comes of it"),
      {},
      of("listener", checking.settings),
    ),
    shape(
      "EdgeSettings",
      PART("What happens to a connection before it is relayed"),
      {},
      of("listener", entering.settings),
    ),
    shape(
      "TlsSettings",
      PART("The TLS of clients, if it ends here"),
      {},
      of("listener", endingTls.settings),
    ),
    shape(
      "RouteSettings",
      PART("Who decides about connections, beside the policy"),
      {},
      of("listener", deciding.settings),
    ),
    shape(
      "MirrorSettings",
      PART("Who gets a copy of what upstreams get"),
      {},
      of("listener", copying.settings),
    ),
    shape(
      [
        "ListenerSettings",
        "  extends HealthSettings,",
        ...["EdgeSettings,", "TlsSettings,", "RouteSettings,", "MirrorSettings"].map(
          (one) => `    ${one}`,
        ),
      ].join("\n"),
      "What each listener may have for itself. At the top of a configuration: for all of them.",
      {},
      of("listener", own),
    ),
    shape(
      "ListenerConfig extends ListenerSettings",
      "One of several listeners.",
      listenerPlaces,
      {},
    ),
    shape(
      "UringConfig",
      "What only the uring engine knows, after liburing's own proxy.",
      {},
      uringTable,
    ),
    shape(
      "Config extends ListenerSettings",
      "A configuration as a person writes it. With one group of listeners: `listen`, `upstream`. With several: `listeners`, each with its own.",
      topPlaces,
      of("proxy", all),
    ),
  ].join("\n");
}

const PART = (what: string) => `${what}; part of each listener's settings.`;

function of(scope: Scope, settings: Table): Table {
  return Object.fromEntries(Object.entries(settings).filter(([, one]) => one.scope === scope));
}

function shape(
  name: string,
  about: string,
  places: Readonly<Record<string, Place>>,
  settings: Table,
): string {
  const lines = [
    ...Object.entries(places).flatMap(([key, place]) => [
      comment(textOf(place), place.initial, 2),
      member(key, place.isNeeded === true ? "" : "?", place.type),
    ]),
    ...Object.entries(settings).flatMap(([key, setting]) => [
      comment(textOf({ ...setting, about: sentenceOf(setting) }), setting.initial, 2),
      member(key, "?", setting.is.type),
    ]),
  ];
  return [`${comment(about, undefined, 0)}`, `export interface ${name} {`, ...lines, "}\n"].join(
    "\n",
  );
}

const WIDTH = 100;

/** A key with its type, in lines as long as those of the code. */
function member(key: string, mark: string, type: string): string {
  const line = `  readonly ${key}${mark}: ${type};`;
  if (line.length <= WIDTH) return line;
  const parts = type.split(" | ").map((one) => `    | ${one}`);
  return `  readonly ${key}${mark}:\n${parts.join("\n")};`;
}

function comment(text: string, initial: Setting["initial"], indent: number): string {
  // What cannot break stays on one line.
  const told = initial === undefined ? "" : ` @default\u00a0${JSON.stringify(initial)}`;
  const space = " ".repeat(indent);
  const lines = wrap(`${text}${told} */`, WIDTH - indent - 4);
  return lines
    .map((line, index) => `${space}${index === 0 ? "/** " : " *  "}${line.replace("\u00a0", " ")}`)
    .join("\n");
}
