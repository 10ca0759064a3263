import { expect, test } from "bun:test";
import { ConfigError } from "../base/error.ts";
import { type CrowdedError, parseToml } from "./toml.ts";

/** What is said of a text. */
function complaints(text: string): readonly string[] {
  try {
    parseToml(text);
  } catch (error) {
    return error instanceof ConfigError ? error.problems : ["not valid"];
  }
  return [];
}

const keys = (count: number) => Array.from({ length: count }, (_, at) => `k${at} = 1\n`).join("");
const CROWDED = "has too many keys for a configuration";

test.each<[string, string, string[]]>([
  ["keys", keys(2_000), []],
  ["signs in texts and comments", `a = "${"=".repeat(3_000)}" # ${"=".repeat(3_000)}\n`, []],
  [
    "signs in long texts",
    `a = """${'"=\n'.repeat(3_000)}"""\nb = '''${"=".repeat(3_000)}'''\n`,
    [],
  ],
  ["small tables in a list", `a = [${"{ b = 1, c = 2 }, ".repeat(3_000)}]\n`, []],
  ["one large table", `upstream = {${keys(2_001).trim().replaceAll("\n", ", ")}}\n`, [CROWDED]],
  ["many headers", "[[listeners]]\n".repeat(4_001), [CROWDED]],
  ["a long key", `${"a.".repeat(100)}a = 1\n`, ["goes too deep for a configuration"]],
  ["a text that does not end", `a = """${'\\"""'.repeat(10_000)}`, ["not valid"]],
  ["quotes alone", '"'.repeat(60_001), ["not valid"]],
])("%s", (_, text, expected) => {
  expect(complaints(text)).toEqual(expected);
});

test("keys that nobody knows are told, and what is more is counted", () => {
  try {
    parseToml(`mode = "sink"\n${keys(60_000)}[uring]\nother = 1\n`);
    expect.unreachable();
  } catch (error) {
    const { problems, more } = error as CrowdedError;
    expect(problems).toHaveLength(100);
    expect(problems[0]).toBe(CROWDED);
    expect(problems[1]).toStartWith('unknown key "k0"');
    expect(more).toBe(59_901);
  }
});
