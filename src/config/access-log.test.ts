import { describe, expect, test } from "bun:test";
import { proxyTable } from "./table/table.ts";
import { type Given, type Settings, validate } from "./validate.ts";

function settings(values: Readonly<Record<string, unknown>>): Settings {
  const entries = Object.entries(values).map(([name, value]) => [
    name,
    { value, label: `--${name}` },
  ]);
  return validate(Object.fromEntries(entries) as Given);
}

const access = { mode: 0o640, user: null, group: null };

describe("access log", () => {
  test.each(["none", "stdout", "./a", "a.log", "/var/log/ringway/access.log", "/dev/stdout"])(
    "%s is taken",
    (text) => {
      expect(proxyTable.accessLog.is.rule(text)).toBe(text);
    },
  );

  test.each(["", "on", "off", "stderr", "Stdout", "/var/log/", "./a\0b", true, null])(
    "%j is refused",
    (value) => {
      expect(() => proxyTable.accessLog.is.rule(value)).toThrow(
        ": expected none, stdout or the path of a file, such as ./access.log",
      );
    },
  );

  test.each([
    "syslog:",
    "syslog",
    "SYSLOG:10.0.0.1:514",
    "syslog:server=unix:/dev/log",
    "/dev/log",
  ])("%s is told how to get to syslog", (text) => {
    expect(() => proxyTable.accessLog.is.rule(text)).toThrow(
      `${JSON.stringify(text)}: ringway does not speak syslog: use stdout and pipe it to logger, ` +
        "as in ringway --access-log stdout | logger --size 8KiB",
    );
  });

  test.each([
    "udp@10.0.0.1:514",
    "tcp://log.example:514",
    "https://log.example/in",
    "unix:/run/log.sock",
    "fd@2",
    "10.0.0.1:514",
    "log.example:514",
    "[2001:db8::1]:514",
  ])("%s is an address and no path", (text) => {
    expect(() => proxyTable.accessLog.is.rule(text)).toThrow(
      `${JSON.stringify(text)}: expected none, stdout or the path of a file, such as ./access.log`,
    );
  });

  test.each([
    "./syslog:1",
    "./10.0.0.1:514",
    "/var/log/udp@x",
    "logs/a:1",
    "access.log.2026-11-30",
  ])("%s is a path all the same", (text) => {
    expect(proxyTable.accessLog.is.rule(text)).toBe(text);
  });

  test("what it is made of", () => {
    expect(settings({ accessLog: "./a" }).accessLog).toEqual({
      target: { path: "./a" },
      starts: false,
      everyMs: 0,
      access,
    });
    const all = { accessLog: "stdout", accessLogStarts: "on", accessLogEvery: "1m" };
    expect(settings(all).accessLog).toEqual({
      target: "stdout",
      starts: true,
      everyMs: 60_000,
      access,
    });
    // A flag may take away what a file has with all its details.
    expect(settings({ ...all, accessLog: "none" }).accessLog).toBeNull();
    expect(settings({ accessLogStarts: false, accessLogEvery: "off" }).accessLog).toBeNull();
  });

  test("details of nothing are refused", () => {
    const why = "needs an access log, and none is given: expected accessLog (--access-log)";
    expect(() => settings({ accessLogStarts: true, accessLogEvery: 5 })).toThrow(
      `--accessLogStarts ${why}\n--accessLogEvery ${why}`,
    );
  });

  test.each(["999ms", "25h", 0, "often"])("every %p is refused", (value) => {
    expect(() => proxyTable.accessLogEvery.is.rule(value)).toThrow(": expected a duration ");
  });
});
