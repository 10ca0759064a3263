import { expect, test } from "bun:test";
import { knownKeys } from "../config/schema.ts";
import { settingTable, uringTable } from "../config/table/table.ts";
import { flags } from "./flags.ts";
import { readFlags, readSwitches } from "./read-flags.ts";

/** What was given, without the labels. */
function read(...args: string[]): Record<string, unknown> {
  const { given } = readFlags(args);
  return Object.fromEntries(Object.entries(given).map(([name, { value }]) => [name, value]));
}

test("nothing", () => {
  const nothing = {
    help: false,
    version: false,
    config: null,
    isWatched: false,
    given: {},
    problems: [],
  };
  expect(readFlags([])).toEqual(nothing);
  expect(read("--")).toEqual({});
});

test("long and short flags, with and without =, alone and in groups", () => {
  const expected = { listen: [":1"], upstream: ["a:2", "b:3"], mode: "oneway", verbose: true };
  expect(
    read("--listen", ":1", "--upstream=a:2", "--upstream", "b:3", "--mode=oneway", "--verbose"),
  ).toEqual(expected);
  expect(read("-l", ":1", "-ua:2", "-u", "b:3", "-vmoneway")).toEqual(expected);
});

test("kebab-case on the line is camelCase in the settings, and the label is the flag", () => {
  expect(readFlags(["--connect-timeout", "2s"]).given).toEqual({
    connectTimeout: { value: "2s", label: "--connect-timeout" },
  });
});

test("the file", () => {
  expect(readFlags(["-c", "a.toml"])).toMatchObject({ config: "a.toml", given: {} });
});

test("help and version, whatever else there is", () => {
  for (const args of [["-h"], ["--help"], ["-vh"], ["--nonsense", "-h"], ["x", "--help", "-V"]]) {
    expect(readFlags(args).help).toBe(true);
  }
  expect(readFlags(["-V"])).toMatchObject({ help: false, version: true });
  // Here it is a value, if a strange one.
  expect(readFlags(["--config=--help"])).toMatchObject({ help: false, config: "--help" });
});

test.each([
  [["--listn", ":1"], 'unknown flag "--listn"; did you mean --listen?'],
  [["--nonsense", "1"], 'unknown flag "--nonsense"; see --help'],
  [["--no-verbose"], 'unknown flag "--no-verbose"; did you mean --verbose?'],
  [["-x"], 'unknown flag "-x"; see --help'],
  [["-vx"], 'unknown flag "-x"; see --help'],
  [["--__proto__", "1"], 'unknown flag "--__proto__"; see --help'],
  [["---"], 'unknown flag "---"; see --help'],
  [["--listen"], "--listen needs a value: --listen ADDR"],
  [["-l"], "--listen needs a value: --listen ADDR"],
  [["--listen", "--upstream", "a:1"], "--listen needs a value: --listen ADDR"],
  [["-l", "-v"], "--listen needs a value: --listen ADDR"],
  [["-c", "--"], "--config needs a value: --config FILE"],
  [["--listen="], "--listen needs a value, got an empty one"],
  [["--listen", ""], "--listen needs a value, got an empty one"],
  [["--verbose=true"], '--verbose takes no value, got "true"'],
  [["-v=true"], "a switch takes no value; see --help"],
  [["--mode", "sink", "-m", "sink"], "--mode is given twice"],
  [["-vv"], "--verbose is given twice"],
  [["-c", "a.toml", "-c", "b.toml"], "--config is given twice"],
  [["6380"], '"6380" is not a flag; see --help'],
  [["upstream", "--set", "0"], 'no such command "upstream"; did you mean upstreams?'],
  [["Check"], 'no such command "Check"; did you mean check?'],
  [["hlp"], 'no such command "hlp"; did you mean help?'],
  [["begin"], 'no such command "begin"; see --help'],
  [["-v", "chek"], '"chek" is not a flag; see --help'],
  [[""], '"" is not a flag; see --help'],
  [["-"], '"-" is not a flag; see --help'],
  [["--", "-v"], '"-v" is not a flag; see --help'],
  [["\u001b[2J"], '"\\u001b[2J" is not a flag; see --help'],
])("%j is refused", (args, message) => {
  expect(readFlags(args).problems).toEqual([message]);
});

test("all that is not right is told, and nothing that only follows from it", () => {
  const args = ["--listn", ":1", "-xv", "--mode", "--upstream", "a:1", "stray", "-v=yes", "-e", ""];
  expect(readFlags([...args, "-l", ":1"])).toMatchObject({
    given: { listen: { value: [":1"] }, verbose: { value: true } },
    problems: [
      'unknown flag "--listn"; did you mean --listen?',
      'unknown flag "-x"; see --help',
      "--mode needs a value: --mode MODE",
      '"stray" is not a flag; see --help',
      "a switch takes no value; see --help",
      "--engine needs a value, got an empty one",
    ],
  });
});

test("a command's line: switches, and one argument where it takes one", () => {
  const known = [{ name: "force", short: "f", text: "" }];
  const none = new Map<string, string>();
  expect(readSwitches(["-f"], known)).toEqual({
    switches: new Set(["force"]),
    values: none,
    operand: null,
  });
  expect(readSwitches(["a.toml", "--force"], known, 1)).toEqual({
    switches: new Set(["force"]),
    values: none,
    operand: "a.toml",
  });
  expect(() => readSwitches(["a"], known)).toThrow('"a" is not a flag; see --help');
  expect(() => readSwitches(["a", "b", "-g"], known, 1)).toThrow(
    '"b" is not a flag; see --help\nunknown flag "-g"; see --help',
  );
});

test("a negative number is a value, for its own rule to refuse", () => {
  expect(read("--workers", "-1", "--segment-count=-2")).toEqual({
    workers: "-1",
    segmentCount: "-2",
  });
});

test("every setting is a flag and a key of a file, but for functions, which are no text", () => {
  const names = flags.flatMap(({ setting }) => setting ?? []);
  const code = Object.entries(settingTable).flatMap(([key, one]) => ("isCode" in one ? [key] : []));
  const settings = ["listen", "upstream", ...Object.keys(settingTable)];
  const texts = settings.filter((name) => !code.includes(name));
  const uringKeys = Object.keys(uringTable);
  expect(names.toSorted()).toEqual(
    [...texts, ...uringKeys.map((key) => `uring.${key}`)].toSorted() as typeof names,
  );
  expect(knownKeys.top.toSorted()).toEqual([...settings, "listeners", "uring"].toSorted());
  expect(knownKeys.uring).toEqual(uringKeys);
});

test("no two flags share a name or a letter", () => {
  const names = flags.flatMap(({ name, short }) => (short === undefined ? [name] : [name, short]));
  expect(new Set(names).size).toBe(names.length);
});

test("a command's line: flags with values", () => {
  const known = [{ name: "admin", hint: "ADDR", text: "" }];
  const values = new Map([["admin", ":1"]]);
  expect(readSwitches(["--admin", ":1"], known)).toMatchObject({ values, switches: new Set() });
  expect(readSwitches(["--admin=:1"], known)).toMatchObject({ values });
  expect(() => readSwitches(["--admin"], known)).toThrow("--admin needs a value: --admin ADDR");
  expect(() => readSwitches(["--admin=1", "--admin=2"], known)).toThrow("--admin is given twice");
});

test.each([
  [["--admin-token", "hunter2", "hunter3"]],
  [["--check-password", "a", "hunter3", "hunter4"]],
  [["--admin-tokn", "hunter3"]],
  [["--adminToken=hunter3"]],
  [["-p", "hunter3"]],
  [["-punter3"]],
  [["-pchunter3"]],
  [["--check-password", "-hunter3"]],
  [["--check-password=", "hunter3"]],
  [["--admin-token", "--", "hunter3"]],
  [["--admin-token", "a", "--admin-token", "hunter3"]],
])("a secret in the wrong place is not repeated: %j", (args) => {
  const { problems } = readFlags(args);
  expect(problems.length).toBeGreaterThan(0);
  for (const sentence of problems) expect(sentence).not.toMatch(/hunter|unter3/);
});
