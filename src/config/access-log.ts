import type { AccessLogOptions } from "./options.ts";
import type { Problems, Sources } from "./sourced.ts";
import { optionsIn } from "./table/setting.ts";
import { proxyTable, type SettingValues } from "./table/table.ts";

/** Names of descriptor 1. If that is a socket, as under systemd, its path cannot be opened. */
const STDOUT: readonly string[] = ["stdout", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/** Returns the options of the access log, null for none, and reports contradictions. */
export function accessLogOf(
  given: Sources<SettingValues>,
  problems: Problems,
): AccessLogOptions | null {
  const { accessLog: target, accessLogStarts: starts, accessLogEvery: every } = given;
  if (target === undefined) {
    const details = [
      starts?.value === true ? starts : undefined,
      (every?.value ?? 0) > 0 ? every : undefined,
      given.accessLogMode,
      given.accessLogUser,
      given.accessLogGroup,
    ];
    const why = "needs an access log, and none is given: expected accessLog (--access-log)";
    for (const one of details) if (one !== undefined) problems.add(one, why);
  }
  if (target === undefined || target.value === null || target.value === "none") return null;
  return {
    target: STDOUT.includes(target.value) ? "stdout" : { path: target.value },
    access: optionsIn(proxyTable, "accessLog.access", given),
    ...optionsIn(proxyTable, "accessLog", given),
  };
}
