import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadFile } from "./load.ts";
import type { Source } from "./settings.ts";
import { Problems } from "./sourced.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-load-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

const environment = { PORT: "7" };

async function load(name: string, text: string): Promise<{ source: Source; problems: string[] }> {
  const path = join(folder, name);
  await Bun.write(path, text);
  return await loadThere(path);
}

/** What a file says, and what is said of it, without the folder that it is in. */
async function loadThere(path: string): Promise<{ source: Source; problems: string[] }> {
  const problems = new Problems();
  const source = await loadFile(path, environment, problems);
  return { source, problems: problems.sentences.map((one) => one.replaceAll(`${folder}/`, "")) };
}

const expected = {
  listen: ["127.0.0.1:1", "127.0.0.1:2"],
  segmentCount: 32,
  connectTimeout: "5s",
  verbose: true,
  uring: { receive: "single", fixedFiles: true },
  listeners: [{ name: "a", listen: ":3", upstreams: [{ address: "b:4" }] }],
};

test.each([
  [
    "a.toml",
    `listen = ["127.0.0.1:1", "127.0.0.1:2"]\nsegmentCount = 32\nconnectTimeout = "5s"\n` +
      `verbose = true\nuring.receive = "single"\nuring.fixedFiles = true\n` +
      `[[listeners]]\nname = "a"\nlisten = ":3"\nupstreams = [{ address = "b:4" }]\n`,
  ],
  [
    "a.yaml",
    `listen: ["127.0.0.1:1", 127.0.0.1:2]\nsegmentCount: 32\nconnectTimeout: 5s\nverbose: true\n` +
      `uring: { receive: single, fixedFiles: true }\n` +
      `listeners:\n  - name: a\n    listen: ":3"\n    upstreams:\n      - address: b:4\n`,
  ],
  ["a.YML", `%YAML 1.2\n---\n${JSON.stringify(expected)}`],
  ["a.json", JSON.stringify({ $schema: "./ringway.schema.json", ...expected })],
  ["a.ts", `interface Given { listen: string[] }\nexport default ${JSON.stringify(expected)};\n`],
  ["a.mjs", `export default ${JSON.stringify(expected)};\n`],
  ["a.cjs", `module.exports = ${JSON.stringify(expected)};\n`],
  ["a b%20c.ts", `export default ${JSON.stringify(expected)};\n`],
  [
    "defined.ts",
    `import { defineConfig } from "ringway";\n` +
      `export default defineConfig(${JSON.stringify(expected)});\n`,
  ],
])("%s", async (name, text) => {
  const { source, problems } = await load(name, text);
  expect(problems).toEqual([
    `${name}: listen contradicts listeners, which have addresses of their own: leave one of them out`,
  ]);
  const of = (path: string) => `${folder}/${name}: ${path}`;
  const address = (port: number) => ({ kind: "tcp", host: "127.0.0.1", port }) as const;
  expect(source).toEqual({
    label: `${folder}/${name}:`,
    isEmpty: false,
    listen: [
      { value: address(1), given: "127.0.0.1:1", label: of("listen[0]") },
      { value: address(2), given: "127.0.0.1:2", label: of("listen[1]") },
    ],
    listeners: [
      {
        label: of("listeners[0]"),
        name: { value: "a", given: "a", label: of("listeners[0].name") },
        listen: [
          {
            value: { kind: "tcp", host: "::", port: 3 },
            given: ":3",
            label: of("listeners[0].listen"),
          },
        ],
        upstreams: [
          {
            value: { kind: "tcp", host: "b", port: 4 },
            given: "b:4",
            label: of("listeners[0].upstreams[0].address"),
            settings: {},
          },
        ],
        settings: {},
      },
    ],
    settings: {
      connectTimeout: { value: 5_000, given: "5s", label: of("connectTimeout") },
      segmentCount: { value: 32, given: 32, label: of("segmentCount") },
      verbose: { value: true, given: true, label: of("verbose") },
    },
    uring: {
      receive: { value: "single", given: "single", label: of("uring.receive") },
      fixedFiles: { value: true, given: true, label: of("uring.fixedFiles") },
    },
  });
});

test("YAML's merge keys take what an anchor has", async () => {
  const merged = `
listeners:
  - &first { name: a, listen: "127.0.0.1:1", mode: sink, idleTimeout: 5m }
  - { <<: *first, name: b, listen: "127.0.0.1:2" }
`;
  const { problems, source } = await load("merged.yaml", merged);
  expect(problems).toEqual([]);
  expect(source.listeners?.map(({ settings }) => settings.idleTimeout?.value)).toEqual([
    300_000, 300_000,
  ]);
});

test("environment variables are filled in, but not in modules, which have their own way", async () => {
  const listen = "127.0.0.1:${PORT}";
  const { source } = await load("env.json", JSON.stringify({ listen }));
  expect(source.listen?.[0]?.value).toEqual({ kind: "tcp", host: "127.0.0.1", port: 7 });
  const { problems } = await load("env.ts", `export default ${JSON.stringify({ listen })}`);
  expect(problems).toEqual([
    `env.ts: listen "127.0.0.1:\${PORT}": port "\${PORT}" is not a number of 0…65535`,
  ]);
});

test.each([
  ["empty.toml", ""],
  ["comment.yaml", "# nothing\n"],
  ["empty.json", " \n"],
  ["table.json", "{}"],
  ["undefined.ts", "export default { mode: undefined };"],
])("an empty file sets nothing: %s", async (name, text) => {
  expect(await load(name, text)).toEqual({
    source: { label: `${folder}/${name}:`, isEmpty: true, settings: {}, uring: {} },
    problems: [],
  });
});

const DEEP = "deep.json: a[0][0] is nested too deeply for a configuration";

/** Few lines of YAML for very many values. */
function bomb(): string {
  const lines = ["a: &a [x, x, x, x, x, x, x, x, x]"];
  for (const [index, name] of [..."bcdefghi"].entries()) {
    const before = "abcdefgh"[index];
    lines.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(", ")}]`);
  }
  return lines.join("\n");
}

test.each([
  ["bad.toml", "a = 1\nb == 2\n", "bad.toml: not valid TOML: invalid value (line 2)"],
  [
    "bad.yaml",
    "a: 1\nb: [\n",
    "bad.yaml: not valid YAML: unexpected end of the stream within a flow collection (line 3)",
  ],
  ["alias.yaml", "a: *hunter2", "alias.yaml: not valid YAML: unidentified alias … (line 1)"],
  ["quoted.yaml", 'a: *a"hunter2"b', "quoted.yaml: not valid YAML: unidentified alias … (line 1)"],
  [
    "malformed.yaml",
    "a: !hunter2%ff b",
    "malformed.yaml: not valid YAML: tag name is malformed: … (line 1)",
  ],
  ["tag.yaml", "a: !hunter2 b", "tag.yaml: not valid YAML: unknown tag … (line 1)"],
  ["two.yaml", "a: 1\n---\nb: 1", "two.yaml: not valid YAML: expected one document, not several"],
  ["bad.json", '{"a":}', "bad.json: not valid JSON: Unexpected token '}'"],
  ["bad.ts", "export default {\n a: ", "bad.ts: Unexpected end of file (line 2)"],
  [
    "deep.yaml",
    `a: ${"[".repeat(9_000)}`,
    "deep.yaml: not valid YAML: nesting exceeded maxDepth (100) (line 1)",
  ],
  [
    "deep.toml",
    `a = ${"[".repeat(9_000)}`,
    "deep.toml: not valid TOML: document contains excessively nested structures. aborting. (line 1)",
  ],
  ["deep.json", `{"a":${"[".repeat(9_000)}${"]".repeat(9_000)}}`, DEEP],
  ["circle.yaml", "a: &a [*a]", "circle.yaml: a[0][0] is nested too deeply for a configuration"],
  ["bomb.yaml", bomb(), "bomb.yaml: has too many values for a configuration"],
  [
    "twice.json",
    '{"stats":"text","listen":":1","stats":"json"}',
    "twice.json: the key stats is given twice",
  ],
  [
    "twice.toml",
    'mode = "sink"\nmode = "oneway"',
    "twice.toml: not valid TOML: trying to redefine an already defined table or value (line 2)",
  ],
  [
    "twice.yaml",
    "stats: text\n'stats': json",
    "twice.yaml: not valid YAML: duplicated mapping key (line 2)",
  ],
  ["throws.ts", 'throw new Error("no\\nway")', "throws.ts: no"],
  ["nothing.ts", "export const a = 1;", "nothing.ts: has no default export"],
  ["list.json", "[1]", "list.json: expected keys with values, not a list"],
  ["text.yaml", "hello", "text.yaml: expected keys with values, not a text"],
  ["number.ts", "export default 7", "number.ts: expected keys with values, not 7"],
  ["a.ini", "a", "a.ini: expected a file that ends in .toml, .yaml, .yml, .json, .ts or .js"],
  ["noext", "a", "noext: expected a file that ends in .toml, .yaml, .yml, .json, .ts or .js"],
  ["big.toml", "#".repeat(2e6), "big.toml: larger than 1 MiB, so this is not a configuration"],
])("%s is refused", async (name, text, message) => {
  expect((await load(name, text)).problems).toEqual([message]);
});

test.each(["toml", "yaml", "json"])(
  "what a .%s is a link to is read, never run",
  async (suffix) => {
    const flag = join(folder, `ran-${suffix}`);
    // No valid text of any kind, but a valid program.
    const program = `[0]; require("node:fs").writeFileSync(${JSON.stringify(flag)}, "");`;
    await Bun.write(join(folder, `program-${suffix}.ts`), program);
    await symlink(join(folder, `program-${suffix}.ts`), join(folder, `link.${suffix}`));
    const { problems } = await loadThere(join(folder, `link.${suffix}`));
    expect(problems).toHaveLength(1);
    expect(await Bun.file(flag).exists()).toBe(false);
  },
);

test("a module that imports what is not there", async () => {
  const { problems } = await load("imports.ts", 'import "./gone.ts"; export default {};');
  expect(problems).toEqual([
    expect.stringMatching(/^imports\.ts: Cannot find module '\.\/gone\.ts'/),
  ]);
});

test("a module that throws while it is looked at", async () => {
  const getter = 'export default { get mode() { throw new Error("no\\nway"); } };';
  expect((await load("getter.ts", getter)).problems).toEqual(["getter.ts: no"]);
  const proxy = "export default new Proxy({}, { ownKeys: () => { throw null; } });";
  expect((await load("proxy.ts", proxy)).problems).toEqual(["proxy.ts: null"]);
});

test("a file that is not there, and one that is a directory", async () => {
  expect((await loadThere(join(folder, "gone.toml"))).problems).toEqual([
    "gone.toml: cannot be read: there is no such file",
  ]);
  await Bun.write(join(folder, "dir.toml", "x"), "");
  expect((await loadThere(join(folder, "dir.toml"))).problems).toEqual([
    "dir.toml: cannot be read: it is a directory",
  ]);
});

test("a file that could not be read leaves no address to contradict", async () => {
  const { source } = await loadThere(join(folder, "gone.toml"));
  expect(source).toEqual({ listen: [], settings: {}, uring: {} });
});
