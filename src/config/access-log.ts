import { ConfigError, describe } from "./error.ts";
import { fileAccessOf, fileGroup, fileMode, fileUser } from "./file-access.ts";
import { ACCESS_LOG_MODE, type AccessLogOptions } from "./options.ts";
import { durationOrOff, onOff, refuse, type ValuesOf } from "./rule.ts";
import type { Problems, Sources } from "./sourced.ts";
import { NO_SYSLOG } from "./words-of-others.ts";

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
/** Names of descriptor 1. Where that is a socket, as under systemd, its path cannot be opened. */
const STDOUT: readonly string[] = ["stdout", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/** The rules of what is written down of each relay. */
export const accessLogRules = {
  accessLog,
  accessLogStarts: onOff,
  accessLogEvery: durationOrOff(SECOND_MS, DAY_MS, "1s…24h"),
  accessLogMode: fileMode,
  accessLogUser: fileUser,
  accessLogGroup: fileGroup,
};

/** What the rules make of these settings. */
export type AccessLogValues = ValuesOf<typeof accessLogRules>;

/** Puts together what was given of the access log, and tells what cannot be together. */
export function accessLogOf(
  given: Sources<AccessLogValues>,
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
    access: fileAccessOf(mode, user, group, ACCESS_LOG_MODE),
    starts: starts?.value ?? false,
    everyMs: every?.value ?? 0,
  };
}

/** What other proxies write for syslog, and its socket: no file, though it lies among them. */
const SYSLOG = /^(syslog(:.*)?|\/dev\/log)$/i;
/** A scheme before the rest, or a port behind a host: a file of such a name is given with its folder. */
const ADDRESS = /^[a-z][a-z\d]*(:|@)|^[^/]*:\d+$/i;

/** `none`, `stdout` or a path: a word without any sign of one is more likely a slip. */
function accessLog(value: unknown): string {
  if (typeof value === "string" && SYSLOG.test(value)) {
    throw new ConfigError(`${describe(value)}: ${NO_SYSLOG}`);
  }
  if (value === "none" || value === "stdout" || isPath(value)) return value;
  return refuse(value, "none, stdout or the path of a file, such as ./access.log");
}

function isPath(value: unknown): value is string {
  if (typeof value !== "string" || ADDRESS.test(value)) return false;
  return /[./]/.test(value) && !/\0|\/$/.test(value);
}
