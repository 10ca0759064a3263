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
 * The types of a configuration, as a program writes it, made from the table of settings. They are
 * written out because an editor shows the comment of a key, which an inferred type cannot have.
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

/** A switch: \`true\` and \`"on"\` are the same. */
export type OnOff = boolean | "on" | "off";

/** One upstream: its address, or a table with its settings. */
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
    shape("UpstreamTable", "An upstream with its settings.", upstreamPlaces, upstreamTable),
    part("HealthSettings", "Health checks, and what follows from them", checking.settings),
    part("EdgeSettings", "What happens to a client before its relay", entering.settings),
    part("TlsSettings", "The TLS of clients, if it ends here", endingTls.settings),
    part("RouteSettings", "The route function", deciding.settings),
    part("MirrorSettings", "Copies of what upstreams get", copying.settings),
    shape(
      [
        "ListenerSettings",
        "  extends HealthSettings,",
        ...["EdgeSettings,", "TlsSettings,", "RouteSettings,", "MirrorSettings"].map(
          (one) => `    ${one}`,
        ),
      ].join("\n"),
      "The settings of a listener. At the top of a configuration they hold for all listeners.",
      {},
      of("listener", own),
    ),
    shape(
      "ListenerConfig extends ListenerSettings",
      "One of several listeners.",
      listenerPlaces,
      {},
    ),
    shape("UringConfig", "The settings of the uring engine.", {}, uringTable),
    shape(
      "Config extends ListenerSettings",
      "A configuration as a person writes it. With one group of listeners: `listen`, `upstream`. With several: `listeners`, each with its own.",
      topPlaces,
      of("proxy", all),
    ),
  ].join("\n");
}

function part(name: string, about: string, settings: Table): string {
  return shape(name, `${about}; part of each listener's settings.`, {}, of("listener", settings));
}

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

/** A key with its type, wrapped as the formatter does. */
function member(key: string, mark: string, type: string): string {
  const line = `  readonly ${key}${mark}: ${type};`;
  if (line.length <= WIDTH) return line;
  const parts = type.split(" | ").map((one) => `    | ${one}`);
  return `  readonly ${key}${mark}:\n${parts.join("\n")};`;
}

function comment(text: string, initial: Setting["initial"], indent: number): string {
  // The no-break space keeps the default on one line.
  const told = initial === undefined ? "" : ` @default\u00a0${JSON.stringify(initial)}`;
  const space = " ".repeat(indent);
  const lines = wrap(`${text}${told} */`, WIDTH - indent - 4);
  return lines
    .map((line, index) => `${space}${index === 0 ? "/** " : " *  "}${line.replace("\u00a0", " ")}`)
    .join("\n");
}
