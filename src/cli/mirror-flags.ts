import { mirrorDefaults } from "../config/mirror.ts";
import { tight } from "../config/rule.ts";
import { type Flag, flag } from "./flag.ts";

/** Who gets a copy of what upstreams get. */
export const mirrorFlags: readonly Flag[] = [
  flag("mirror", "ADDR", "copy what upstreams get to here, too", "none"),
  flag(
    "mirrorBuffer",
    "SIZE",
    ["so much of a relay may wait for it; with more", "its copy is given up"],
    tight(mirrorDefaults.bufferSize),
  ),
  flag("mirrorPercent", "N", "copy so many of a hundred relays", String(mirrorDefaults.percent)),
];
