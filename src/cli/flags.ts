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

/** Flags that belong together, under a heading of the help. */
export interface FlagGroup {
  readonly heading: string;
  readonly flags: readonly Flag[];
}

const { listen, upstream } = topPlaces;

/** Flags that are no settings with a value of their own, beside those of a group. */
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

/** All flags, in the order of the help. */
export const flagGroups: readonly FlagGroup[] = Object.entries(settingGroups).flatMap(
  ([name, { heading, settings }]) => {
    const { before = [], after = [] } = others[name as keyof typeof settingGroups] ?? {};
    const flags = [...before, ...flagsOf(settings, name === "uring" ? "uring" : ""), ...after];
    return flags.length === 0 ? [] : [{ heading, flags }];
  },
);

/** All flags, without their groups. */
export const flags: readonly Flag[] = flagGroups.flatMap((group) => group.flags);

/** @param prefix of the names in a group of settings, empty for none */
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
