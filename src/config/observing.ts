import { parseAddress } from "./address.ts";
import { parseIPv4 } from "./ip.ts";
import type { AccessLogOptions, Address } from "./options.ts";
import { parseDuration } from "./quantity.ts";
import { onOff, refuse, scalar, type ValuesOf } from "./rule.ts";
import type { Problems, Sources } from "./sourced.ts";

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

/** The rules of what lets others see what the proxy does. */
export const observingRules = {
  accessLog,
  accessLogStarts: onOff,
  accessLogEvery,
  admin,
};

/** What the rules make of these settings. */
export type ObservingValues = ValuesOf<typeof observingRules>;

/** Puts together what was given of the access log, and tells what cannot be together. */
export function accessLogOf(
  given: Sources<ObservingValues>,
  problems: Problems,
): AccessLogOptions | null {
  const { accessLog: target, accessLogStarts: starts, accessLogEvery: every } = given;
  if (target === undefined) {
    for (const [one, isOn] of [
      [starts, starts?.value === true],
      [every, (every?.value ?? 0) > 0],
    ] as const) {
      const why = "needs an access log, and none is given: expected accessLog (--access-log)";
      if (isOn) problems.add(one, why);
    }
  }
  if (target === undefined || target.value === null || target.value === "none") return null;
  return {
    target: target.value === "stdout" ? "stdout" : { path: target.value },
    starts: starts?.value ?? false,
    everyMs: every?.value ?? 0,
  };
}

/** Where the admin server listens; null for no such server. */
export function adminOf({ admin: given }: Sources<ObservingValues>): Address | null {
  const value = given?.value ?? "none";
  return value === "none" ? null : value;
}

/** Whether a host is this machine's own, so that nobody else can reach what listens there. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || parseIPv4(host)?.[0] === 127;
}

/** `none`, `stdout` or a path: a word without any sign of one is more likely a slip. */
function accessLog(value: unknown): string {
  const isPath = typeof value === "string" && /[./]/.test(value) && !/\0|\/$/.test(value);
  if (isPath || value === "none" || value === "stdout") return value as string;
  return refuse(value, "none, stdout or the path of a file, such as ./access.log");
}

/** Milliseconds; 0 for `off`. */
function accessLogEvery(value: unknown): number {
  if (value === "off" || value === false) return 0;
  const everyMs = parseDuration(scalar(value));
  if (everyMs >= SECOND_MS && everyMs <= DAY_MS) return everyMs;
  return refuse(value, "a duration of 1s…24h, or off");
}

function admin(value: unknown): Address | "none" {
  if (value === "none") return value;
  if (typeof value !== "string") return refuse(value, "an address of this machine alone, or none");
  const address = parseAddress(value, "listener");
  if (address.kind === "unix" || isLoopback(address.host)) return address;
  return refuse(
    value,
    "an address of this machine alone, as the admin server asks nobody who they are: " +
      "127.0.0.1:PORT, [::1]:PORT or unix:/path",
  );
}
