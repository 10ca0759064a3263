import { accessLogRules } from "./access-log.ts";
import * as form from "./forms.ts";
import { defaults } from "./options.ts";
import { settingsBy } from "./schema-value.ts";

const setting = settingsBy(accessLogRules);

/** What is said of what is written down of each relay. */
export const accessLogSettings = {
  accessLog: setting(
    "accessLog",
    form.text,
    "A JSON line for each relay at its end: none, stdout or the path of a file.",
    defaults.accessLog,
  ),
  accessLogStarts: setting(
    "accessLogStarts",
    form.onOff,
    "A line also when a relay starts.",
    defaults.accessLogStarts ? "on" : "off",
  ),
  accessLogEvery: setting(
    "accessLogEvery",
    form.duration("off", false),
    "A line so often for each relay that runs so long, 1s…24h.",
    defaults.accessLogEvery,
  ),
  accessLogMode: setting(
    "accessLogMode",
    form.octal,
    "Permissions that its file is made with, whatever the umask is.",
    "0640",
  ),
  accessLogUser: setting(
    "accessLogUser",
    form.owner,
    "The user of a file that is made for it, by name or number.",
    "the process's",
  ),
  accessLogGroup: setting(
    "accessLogGroup",
    form.owner,
    "The group of a file that is made for it, by name or number.",
    "the process's",
  ),
};
