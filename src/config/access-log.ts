import type { AccessLogOptions } from "./options.ts";
import type { Problems, Sources } from "./sourced.ts";
import { optionsIn } from "./table/setting.ts";
import { proxyTable, type SettingValues } from "./table/table.ts";

/** Names of descriptor 1. Where that is a socket, as under systemd, its path cannot be opened. */
const STDOUT: readonly string[] = ["stdout", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/** Puts together what was given of the access log, and tells what cannot be together. */
export function accessLogOf(
  given: Sources<SettingValues>,
  problems: Problems,
): AccessLogOptions | null {
  const { accessLog: target, accessLogStarts: starts, accessLogEvery: every } = given;
  const { accessLogMode: mode, accessLogUser: user, accessLogGroup: group } = given;
  if (target === undefined) {
    for (const [one, isOn] of [
      [starts, starts?.value === true],
      [every, (every?.value ?? 0) > 0],
      [mode, mode !== undefined],
      [user, user !== undefined],
      [group, group !== undefined],
    ] as const) {
      const why = "needs an access log, and none is given: expected accessLog (--access-log)";
      if (isOn) problems.add(one, why);
    }
  }
  if (target === undefined || target.value === null || target.value === "none") return null;
  return {
    target: STDOUT.includes(target.value) ? "stdout" : { path: target.value },
    access: optionsIn(proxyTable, "accessLog.access", given),
    ...optionsIn(proxyTable, "accessLog", given),
  };
}
