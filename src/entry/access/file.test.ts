import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { ConfigError } from "../../base/error.ts";
import { readNetworks } from "./file.ts";
import { formatNetwork } from "./networks.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ringway-networks-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** @returns the path of a file with this content */
async function file(content: string | Uint8Array): Promise<string> {
  const path = join(folder, `list-${Bun.randomUUIDv7()}`);
  await Bun.write(path, content);
  return path;
}

/** The networks of a file with this content, or all that is wrong with it, without its path. */
async function read(content: string | Uint8Array): Promise<string[]> {
  return await readPath(await file(content));
}

async function readPath(path: string): Promise<string[]> {
  try {
    return (await readNetworks(path)).map(formatNetwork);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => problem.replace(path, "LIST"));
  }
}

test("networks, comments, empty lines, and what editors leave behind", async () => {
  const text =
    "\ufeff# office\r\n10.0.0.0/8 # all of it\r\n\r\n  ::1\t\r\n#\n192.0.2.1#one\n2001:db8::/32";
  expect(await read(text)).toEqual(["10.0.0.0/8", "::1", "192.0.2.1", "2001:db8::/32"]);
  expect(await read("")).toEqual([]);
  expect(await read("# nobody\n")).toEqual([]);
});

test("all mistakes at once, by line", async () => {
  expect(await read("10.0.0.0/8\nexample.com\n\n10.0.0.1/8 # what?\n")).toEqual([
    'LIST:2: "example.com": expected a network such as 10.0.0.0/8 or 2001:db8::/32, or an address',
    'LIST:4: "10.0.0.1/8": the address has bits set after its first 8; expected 10.0.0.0/8, or 10.0.0.1 for this address alone',
  ]);
});

test("beyond a hundred they are counted", async () => {
  const problems = await read("x\n".repeat(2_000));
  expect(problems).toHaveLength(101);
  expect(problems[99]).toStartWith("LIST:100: ");
  expect(problems[100]).toBe("LIST: 1,900 more lines are not networks");
});

test("what is no list", async () => {
  expect(await readPath(join(folder, "none"))).toEqual([
    "LIST: cannot be read: there is no such file",
  ]);
  expect(await readPath(folder)).toEqual(["LIST: cannot be read: it is a directory"]);
  const pipe = join(folder, "pipe");
  expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
  expect(await readPath(pipe)).toEqual(["LIST: cannot be read: it is not a regular file"]);
  const noText = ["LIST: not a text, so this is not a list of networks"];
  expect(await read(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0, 1))).toEqual(noText);
  expect(await read(Uint8Array.of(0x31, 0xff, 0xfe, 0x0a))).toEqual(noText);
});

test("a name that a terminal would obey is shown as text", async () => {
  await expect(readNetworks(join(folder, "a\u001b[2J"))).rejects.toThrow("a\\u001b[2J: cannot be");
});

test("at most 16 MiB", async () => {
  const line = `${" ".repeat(1023)}\n`;
  expect(await read(line.repeat(16 * 1024))).toEqual([]);
  expect(await read(`${line.repeat(16 * 1024)}\n`)).toEqual([
    "LIST: larger than 16 MiB, so this is not a list of networks",
  ]);
}, 30_000);

test("any bytes are a list or a clear error", async () => {
  const line = fc.constantFrom("10.0.0.0/8", "::1", "# a", "", "1.2.3.4/8", "x", "\r", "\u0000");
  const text = fc.array(line).map((lines) => new TextEncoder().encode(lines.join("\n")));
  await fc.assert(
    fc.asyncProperty(fc.oneof(text, fc.uint8Array({ maxLength: 64 })), async (bytes) => {
      for (const one of await read(bytes)) expect(one).not.toContain("\n");
    }),
    { numRuns: 300 },
  );
});
