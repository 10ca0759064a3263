import type { SettingName } from "../config/settings.ts";
import { topPlaces } from "../config/table/places.ts";
import {
  asFragment,
  flagName,
  fragmentOf,
  type Setting,
  type Table,
} from "../config/table/setting.ts";
import { settingGroups } from "../config/table/table.ts";
import type { Flag } from "./flag.ts";

/** Flags that belong together, with their heading in the help. */
export interface FlagGroup {
  /** Its topic in `ringway help TOPIC`; missing for a command's own flags. */
  readonly topic?: string;
  readonly heading: string;
  readonly flags: readonly Flag[];
}

const { listen, upstream } = topPlaces;

/** Flags that are not in the table of settings. */
const others: {
  readonly [Group in keyof typeof settingGroups]?: { before?: Flag[]; after?: Flag[] };
} = {
  relaying: {
    before: [
      {
        name: "listen",
        short: "l",
        setting: "listen",
        hint: "ADDR",
        repeatable: true,
        text: asFragment(listen.about),
        initial: listen.initial,
      },
      {
        name: "upstream",
        short: "u",
        setting: "upstream",
        hint: "ADDR",
        repeatable: true,
        text: asFragment(upstream.about),
        initial: "a demo built in",
      },
    ],
    after: [
      { name: "config", short: "c", hint: "FILE", text: "settings from a file; flags win over it" },
      { name: "watch", text: "reload when that file changes, as at SIGHUP" },
    ],
  },
  running: {
    after: [
      { name: "version", short: "V", text: "print the version" },
      { name: "help", short: "h", text: "print this help" },
    ],
  },
};

/** The topics in `ringway help TOPIC` of groups with flags. */
const topics: Readonly<Record<keyof typeof settingGroups, string>> = {
  relaying: "relay",
  choosing: "balance",
  checking: "health",
  entering: "clients",
  endingTls: "tls",
  beginningTls: "upstream-tls",
  deciding: "route",
  copying: "mirror",
  sharing: "valkey",
  limits: "limits",
  observing: "observe",
  running: "run",
  uring: "uring",
};

/** All flags, in the order of the help. */
export const flagGroups: readonly FlagGroup[] = Object.entries(settingGroups).flatMap(
  ([name, { heading, settings }]) => {
    const group = name as keyof typeof settingGroups;
    const { before = [], after = [] } = others[group] ?? {};
    const flags = [...before, ...flagsOf(settings, name === "uring" ? "uring" : ""), ...after];
    return flags.length === 0 ? [] : [{ topic: topics[group], heading, flags }];
  },
);

/** All flags, without their groups. */
export const flags: readonly Flag[] = flagGroups.flatMap((group) => group.flags);

/** @param prefix of the flags of a group of settings; empty for none */
function flagsOf(settings: Table, prefix: "" | "uring"): Flag[] {
  return Object.entries(settings).flatMap(([key, setting]) =>
    setting.isCode === true ? [] : [flagOf(key, setting, prefix)],
  );
}

function flagOf(key: string, setting: Setting, prefix: "" | "uring"): Flag {
  const { short, is, hint = is.hint, initial } = setting;
  return {
    name: flagName(prefix === "" ? key : `${prefix}-${key}`),
    setting: (prefix === "" ? key : `${prefix}.${key}`) as SettingName,
    text: fragmentOf(setting),
    ...(short === undefined ? {} : { short }),
    ...(hint === "" ? {} : { hint }),
    ...(initial === undefined || hint === "" ? {} : { initial: String(initial) }),
  };
}
