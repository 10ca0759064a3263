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

  test.each(["999ms", "25h", 0, "never"])("every %p is refused", (value) => {
    expect(() => proxyTable.accessLogEvery.is.rule(value)).toThrow(": expected a duration ");
  });
});
