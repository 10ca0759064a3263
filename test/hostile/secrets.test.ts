import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { ConfigError } from "../../src/base/error.ts";
import { secretKeys } from "../../src/base/secret-keys.ts";
import { readFlags } from "../../src/cli/read-flags.ts";
import { loadFile } from "../../src/config/load.ts";
import { Problems } from "../../src/config/sourced.ts";
import { type Given, validate } from "../../src/config/validate.ts";
import { CliProcess, runCli } from "../fixtures/cli-process.ts";
import { Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import { onBothEngines, startOn } from "./stages.ts";

// A secret in every key that is for one, in every broken way: nothing that is told has it.

setDefaultTimeout(60_000);

let folder = "";
let files = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-secrets-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Whether a key is for the path of a file with a secret. */
const isPathOf = (key: string) => /TlsKey$|^tlsKey$/.test(key);

/** Letters that stand nowhere else, so that what is told can be searched for them. */
const secret = fc.stringMatching(/^[zqxjk]{12}$/).map((letters) => `Zq${letters}`);
const key = fc.constantFrom(...secretKeys);

/** A secret as somebody may write it, right or wrong; `S` stands for it. */
const VALUES = [
  "S",
  '"S',
  "'S",
  '"S" x',
  '"S"',
  "'S'",
  "S S",
  '"S\\q"',
  '"""S',
  "'''S",
  "[S",
  "[S]",
  '["S"]',
  "{S",
  "{S}",
  "{a: S}",
  '{a = "S"}',
  '{"a": "S"}',
  "{S: 1}",
  '{"S": 1}',
  "*S",
  "&S",
  "!S x",
  "@S",
  "`S",
  "%S",
  "|S",
  ">S",
  "0xS",
  "1S",
  "-S",
  "+S",
  "S:",
  "S: S",
  '"S": x',
  "\\xS",
  '"\\xS"',
  '"\\uS"',
  "\tS",
  "?S",
  "#S",
  "S,",
  ",S",
  "=S",
  "= S",
  ": S",
  '"S" "S"',
  '"${S"',
  '"a${S-b}"',
  '"${S}S"',
  '"${S:-${S}}"',
  "'${S'",
  '"S\n"',
  "S\nS",
  '"S\\',
  "<S>",
  "(S)",
  "S = S",
  '"-----BEGIN S"',
  "\u0000S",
  '"S\\nS"',
  "tokenS",
  '"SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS"',
  "[[S]]",
  "S]",
  "S}",
  '"\u202eS"',
  '" S "',
  "true S",
  "null S",
] as const;

/** How a key and a value may stand beside each other. */
const SEPARATORS = [" = ", ": ", "=", ":", " ", "", " : ", "\n", " == ", ".", "-"] as const;
const SUFFIXES = ["toml", "yaml", "json", "ts"] as const;

/** A document of a kind in which a key is given something. */
function documentOf(suffix: string, line: string, where: number): string {
  const others = suffix === "json" || suffix === "ts" ? ['"listen": ":1"'] : [];
  if (suffix === "json") return `{${[...others, line].join(",\n")}}`;
  if (suffix === "ts") return `export default {${[...others, line].join(",\n")}};\n`;
  const first = suffix === "toml" ? 'listen = ":1"\n' : 'listen: ":1"\n';
  const inTable = suffix === "toml" ? `[[listeners]]\n${line}\n` : `listeners:\n  - ${line}\n`;
  return (
    [`${first}${line}\n`, `${line}\n${first}`, `${line}\n`, inTable, `${first}  ${line}\n`][
      where % 5
    ] ?? ""
  );
}

/** All that is said of a file, and of flags beside it. */
async function told(path: string | null, given: Given = {}): Promise<string> {
  const problems = new Problems();
  try {
    const file = path === null ? null : await loadFile(path, { S: "" }, problems);
    validate({ upstream: { value: "a:1", label: "--upstream" }, ...given }, file, problems);
    return "";
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.join("\n");
  }
}

test("in files of every kind, with every separator, in every place", async () => {
  const cases = fc.record({
    key,
    secret,
    value: fc.constantFrom(...VALUES),
    separator: fc.constantFrom(...SEPARATORS),
    quoted: fc.boolean(),
    where: fc.nat({ max: 4 }),
    suffix: fc.constantFrom(...SUFFIXES),
  });
  let broken = 0;
  await fc.assert(
    fc.asyncProperty(cases, async ({ key, secret, value, separator, quoted, where, suffix }) => {
      const written = value.replaceAll("S", secret);
      const line = `${quoted ? `"${key}"` : key}${separator}${written}`;
      const path = join(folder, `${files++ % 50}-${files}.${suffix}`);
      await writeFile(path, documentOf(suffix, line, where));
      let sentences = await told(path);
      if (sentences !== "") broken++;
      // A file's name may be told, so that the path of a key may be one.
      if (isPathOf(key) && /cannot be read: /.test(sentences)) return;
      // On a line of its own, with a colon behind it, it is a key like any other.
      if (separator.includes("\n")) sentences = sentences.replaceAll(/unknown key "[^"]+"/g, "");
      expect(sentences).not.toContain(secret);
      await rm(path);
    }),
    { numRuns: Number(Bun.env.RINGWAY_HOSTILE ?? 4_000) },
  );
  expect(broken).toBeGreaterThan(0);
});

test("as values of every kind, by flags and by modules", async () => {
  const values = fc
    .tuple(secret, fc.constantFrom("text", "list", "table", "key", "deep", "spaced", "long"))
    .map(([secret, kind]) => ({ secret, value: wrongValue(secret, kind) }));
  await fc.assert(
    fc.asyncProperty(key, values, async (key, { secret, value }) => {
      if (isPathOf(key) && typeof value === "string") return;
      expect(await told(null, { [key]: { value, label: `--${key}` } })).not.toContain(secret);
      const path = join(folder, `${files++}.mjs`);
      await writeFile(path, `export default ${JSON.stringify({ [key]: value })};\n`);
      expect(await told(path)).not.toContain(secret);
    }),
    { numRuns: 300 },
  );
});

function wrongValue(secret: string, kind: string): unknown {
  switch (kind) {
    case "list":
      return [secret];
    case "table":
      return { a: secret };
    case "key":
      return { [secret]: 1 };
    case "deep":
      return { [secret]: [[[[[[[[[[[[[[[[[[secret]]]]]]]]]]]]]]]]]] };
    case "spaced":
      return `${secret} ${secret}`;
    case "long":
      return secret.repeat(40);
    default:
      return `${secret}!§`;
  }
}

test("numbers, which are no passwords", async () => {
  for (const key of secretKeys) {
    for (const [suffix, text] of [
      ["toml", `${key} = 48151623`],
      ["yaml", `${key}: 48151623`],
      ["json", `{"${key}": 48151623}`],
      ["ts", `export default { ${key}: 48151623 }`],
      ["toml", `${key} = 4815.1623`],
    ] as const) {
      const path = join(folder, `number-${key}-${files++}.${suffix}`);
      await writeFile(path, text);
      const sentences = await told(path);
      expect(sentences).not.toContain("4815");
      expect(sentences).toContain(key);
    }
  }
});

test("what stands in a URL before its host", async () => {
  const { problems } = readFlags(["-u", "redis://user:Zqzqzqzqzqzq@host:6379"]);
  expect(problems).toEqual([]);
  const upstream = { value: ["redis://user:Zqzqzqzqzqzq@host:6379"], label: "--upstream" };
  expect(await told(null, { upstream })).not.toContain("Zqzqzq");
});

describe("the program", () => {
  const SECRET = "ZqkxjzqkxjzqkxJ";

  test.each([
    ["toml", `checkPassword = "pa\${${SECRET}"`],
    ["toml", `adminToken = ${SECRET}`],
    ["yaml", `adminToken:${SECRET}`],
    ["json", `{"adminToken": ${SECRET}}`],
    ["ts", `export default { adminToken: ${SECRET} };`],
    ["ts", `export default { adminToken: ${SECRET} x };`],
    ["ts", `const ${SECRET} = 1, ${SECRET} = 2; export default {};`],
  ])("says nothing of it, whatever is asked of it: %s %s", async (suffix, text) => {
    const path = join(folder, `program-${files++}.${suffix}`);
    const right =
      suffix === "ts" ? 'export default { mode: "sink", listen: "127.0.0.1:0" };' : null;
    const first = {
      toml: 'mode = "sink"\nlisten = "127.0.0.1:0"\n',
      yaml: "mode: sink\nlisten: 127.0.0.1:0\n",
      json: '{"mode": "sink", "listen": "127.0.0.1:0"}',
    };
    await writeFile(path, right ?? first[suffix as keyof typeof first]);
    await using proxy = new CliProcess([
      "-c",
      path,
      "-v",
      "--admin",
      "127.0.0.1:0",
      "--stats",
      "json",
    ]);
    const [, base = ""] = await proxy.logged(/admin page, API and metrics on (\S+)/);
    await writeFile(path, text);
    const all: string[] = [];
    for (const [method, what] of [
      ["POST", "plan"],
      ["POST", "reload"],
      ["GET", "state"],
      ["GET", "upstreams"],
    ] as const) {
      const response = await fetch(`${base}/api/${what}`, {
        method,
        headers: { "x-ringway": "1" },
      });
      if (method === "POST") expect(response.status).toBe(422);
      all.push(await response.text());
    }
    const admin = base.replace("http://", "");
    for (const args of [
      ["check", path],
      ["plan", "--admin", admin],
      ["reload", "--admin", admin],
      ["-c", path, "-v"],
    ]) {
      const { code, out, err } = await runCli(...args);
      expect(code).toBe(2);
      all.push(out, err);
    }
    const { out, err } = await proxy.stop();
    all.push(out, err);
    for (const text of all) expect(text).not.toContain(SECRET);
  });
});

onBothEngines("an upstream that sends back what it gets", (stage) => {
  const SECRET = "hunter2-Zq/+=";
  const ways: readonly (readonly [string, (secret: string) => string])[] = [
    ["as it is", (secret) => `-ERR ${secret}\r\n`],
    ["without an end", (secret) => `-ERR ${secret}`],
    ["cut", (secret) => `-ERR '${secret.slice(0, -3)}...\r\n`],
    ["in hex", (secret) => `-ERR ${Buffer.from(secret).toString("hex")}\r\n`],
    ["in Base64", (secret) => `-ERR ${btoa(secret)}\r\n`],
    ["in a URL", (secret) => `-ERR ${encodeURIComponent(secret)}\r\n`],
    ["in place of a role", (secret) => `+OK\r\n+PONG\r\n*1\r\n$${secret.length}\r\n${secret}\r\n`],
    ["in place of +PONG", (secret) => `+OK\r\n${secret}\r\n`],
  ];

  test.each([
    ...ways.map(
      ([name, way]) =>
        [`a password, ${name}`, "redis-primary", ["--check-password", SECRET], way] as const,
    ),
    ...ways
      .slice(0, 2)
      .map(
        ([name, way]) =>
          [
            `what is sent, ${name}`,
            "send-expect",
            ["--check-send", `AUTH ${SECRET}\\r\\n`, "--check-expect", "+NEVER"],
            way,
          ] as const,
      ),
  ])("%s", async (_, check, flags, way) => {
    let answered = 0;
    const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, (end) => {
      end.onData = (self) => {
        answered++;
        self.send(way(SECRET)).finish();
      };
    });
    const port = upstream.address.kind === "tcp" ? upstream.address.port : 0;
    const rest = ["-l", "127.0.0.1:0", "-u", `127.0.0.1:${port}`, "--admin", "127.0.0.1:0", "-v"];
    const often = ["--check", check, "--check-interval", "100ms", "--check-timeout", "500ms"];
    const proxy = startOn(stage, [...rest, ...often, ...flags]);
    try {
      const [, base = ""] = await proxy.logged(/admin page, API and metrics on (\S+)/);
      await waitFor(() => answered > 3, "it was checked");
      const seen = await Promise.all(
        ["upstreams", "state", "relays"].map(
          async (what) => await (await fetch(`${base}/api/${what}`)).text(),
        ),
      );
      const metrics = await (await fetch(`${base}/metrics`)).text();
      const { out, err } = await proxy.stop();
      expect(seen[0]).toContain("lastCheck");
      for (const text of [...seen, metrics, out, err]) {
        expect(text).not.toContain("hunter");
        for (const form of [Buffer.from(SECRET).toString("hex"), btoa(SECRET).slice(0, -2)]) {
          expect(text).not.toContain(form);
        }
      }
    } finally {
      await proxy[Symbol.asyncDispose]();
      upstream.close();
    }
  });
});
