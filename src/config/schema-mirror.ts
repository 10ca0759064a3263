import * as form from "./forms.ts";
import { mirrorDefaults, mirrorRules } from "./mirror.ts";
import { tight } from "./rule.ts";
import { settingsBy } from "./schema-value.ts";

const setting = settingsBy(mirrorRules);

/** Who gets a copy of what upstreams get. */
export const mirrorSettings = {
  mirror: setting(
    "mirror",
    form.text,
    "Gets a copy of what upstreams get: an address as of an upstream, or none.",
    "none",
  ),
  mirrorBuffer: setting(
    "mirrorBuffer",
    form.size,
    "So much of a relay may wait for it, 4KiB…16MiB; with more its copy is given up.",
    tight(mirrorDefaults.bufferSize),
  ),
  mirrorPercent: setting(
    "mirrorPercent",
    form.count(1, 100),
    "So many of a hundred relays are copied, 1…100.",
    mirrorDefaults.percent,
  ),
};
