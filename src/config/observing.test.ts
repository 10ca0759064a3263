import { describe, expect, test } from "bun:test";
import { isLoopback, observingRules } from "./observing.ts";
import { type Given, type Settings, validate } from "./validate.ts";

function settings(values: Readonly<Record<string, unknown>>): Settings {
  const entries = Object.entries(values).map(([name, value]) => [
    name,
    { value, label: `--${name}` },
  ]);
  return validate(Object.fromEntries(entries) as Given);
}

describe("access log", () => {
  test.each(["none", "stdout", "./a", "a.log", "/var/log/ringway/access.log", "/dev/stdout"])(
    "%s is taken",
    (text) => {
      expect(observingRules.accessLog(text)).toBe(text);
    },
  );

  test.each(["", "on", "off", "stderr", "Stdout", "/var/log/", "./a\0b", true, null])(
    "%j is refused",
    (value) => {
      expect(() => observingRules.accessLog(value)).toThrow(
        ": expected none, stdout or the path of a file, such as ./access.log",
      );
    },
  );

  test("what it is made of", () => {
    expect(settings({ accessLog: "./a" }).accessLog).toEqual({
      target: { path: "./a" },
      starts: false,
      everyMs: 0,
    });
    const all = { accessLog: "stdout", accessLogStarts: "on", accessLogEvery: "1m" };
    expect(settings(all).accessLog).toEqual({ target: "stdout", starts: true, everyMs: 60_000 });
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
    expect(() => observingRules.accessLogEvery(value)).toThrow(": expected a duration ");
  });
});

describe("admin", () => {
  test.each(["127.0.0.1:9600", "127.9.9.9:0", "[::1]:1", "localhost:9600", "unix:/run/a.sock"])(
    "%s is taken",
    (text) => {
      expect(settings({ admin: text }).admin).not.toBeNull();
    },
  );

  test("none is none", () => {
    expect(settings({ admin: "none" }).admin).toBeNull();
    expect(settings({}).admin).toBeNull();
  });

  test.each([":9600", "0.0.0.0:9600", "[::]:9600", "10.0.0.1:1", "[::ffff:127.0.0.1]:1", "db:1"])(
    "%s is refused",
    (text) => {
      expect(() => settings({ admin: text })).toThrow(
        `--admin "${text}": expected an address of this machine alone, as the admin server asks ` +
          "nobody who they are: 127.0.0.1:PORT, [::1]:PORT or unix:/path",
      );
    },
  );

  test("what is no address at all", () => {
    expect(() => settings({ admin: "9600" })).toThrow('--admin "9600": no port; ');
    expect(() => settings({ admin: 9_600 })).toThrow("--admin 9600: expected an address of this");
  });

  test("names that only begin like this machine's are not", () => {
    for (const host of ["localhost.evil.example", "127.0.0.1.nip.io", "1127.0.0.1", ""]) {
      expect(isLoopback(host)).toBe(false);
    }
  });
});
