import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { MAIN } from "../fixtures/cli-process.ts";
import { buildExecutable } from "../fixtures/executable.ts";
import { waitFor } from "../fixtures/wait.ts";

// Somebody starts ringway, perhaps as root, in a folder that others may write to.

setDefaultTimeout(30_000);

/** Has `hostile`, where it is started, `trusted`, where configurations lie, and `bin`. */
let folder = "";
let hostile = "";
let trusted = "";
/** Has a line for each piece of the hostile folder's code that has run. */
let owned = "";

/** How a person may start it: the words of a command before the flags. */
const ways: Readonly<Record<string, () => string[]>> = {
  "the executable": () => [join(folder, "bin", "built")],
  "the command that npm installs": () => [join(folder, "bin", "ringway")],
  "npm run proxy": () => scriptOf("proxy"),
};

beforeAll(async () => {
  // TypeScript's paths are resolved ones.
  folder = await realpath(await mkdtemp(join(tmpdir(), "ringway-hostile-")));
  hostile = join(folder, "hostile");
  trusted = join(folder, "trusted");
  owned = join(folder, "owned");
  for (const one of [hostile, trusted, join(folder, "bin")]) await mkdir(one);
  await Promise.all([
    layTraps(),
    writeConfigurations(),
    buildExecutable(join(folder, "bin/built")),
  ]);
  // As npm does: a link to the file that package.json names, which says by itself what runs it.
  await symlink(join(MAIN, "../..", packageJson.bin.ringway), join(folder, "bin/ringway"));
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

describe.each(Object.keys(ways))("%s, in a folder of somebody else", (name) => {
  const way = ways[name] as () => string[];

  test("says its version, and runs nothing that lies there", async () => {
    expect(await run(way(), "--version")).toEqual({
      code: 0,
      out: `${packageJson.version}\n`,
      err: "",
      owned: "",
    });
  });

  test("checks a configuration, and runs nothing that lies there", async () => {
    const result = await run(way(), "check", join(trusted, "ringway.toml"));
    expect(result).toMatchObject({ code: 0, err: "", owned: "" });
    expect(result.out).toContain(": ok: 1 listener, 1 upstream\n");
  });

  test("has no environment variable from files that lie there", async () => {
    const result = await run(way(), "check", join(trusted, "environment.toml"));
    expect(result).toMatchObject({ code: 2, out: "", owned: "" });
    expect(result.err).toContain("FROM_DOTENV");
  });

  test("a configuration in TypeScript imports from where it lies, and from ringway itself", async () => {
    const result = await run(way(), "check", join(trusted, "ringway.ts"));
    expect(result).toMatchObject({ code: 0, err: "", owned: "" });
  });

  test("commands that ask a proxy run nothing that lies there", async () => {
    const result = await run(way(), "relays", "--admin", join("unix:", trusted, "nobody.sock"));
    expect(result).toMatchObject({ code: 1, out: "", owned: "" });
  });

  test.each(["sockets", "auto"])("relays with workers of engine %s", async (engine) => {
    const flags = ["-l", "127.0.0.1:0", "-m", "sink", "-w", "2", "-e", engine, "--stats", "none"];
    const log = join(folder, `log-${crypto.randomUUID()}`);
    const child = Bun.spawn([...way(), ...flags], {
      ...surroundings(),
      stdout: "ignore",
      stderr: Bun.file(log),
    });
    try {
      const said = () => readFileSync(log, "utf8");
      await waitFor(() => said().includes("listening on") || child.exitCode !== null, said);
      child.kill("SIGTERM");
      expect({ code: await child.exited, owned: ownedNow() }).toEqual({ code: 0, owned: "" });
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  });
});

/** A script of package.json that runs the program, with the program's whole path. */
function scriptOf(name: "proxy"): string[] {
  const [bun, ...words] = packageJson.scripts[name].split(" ");
  if (bun !== "bun" || words.at(-1) !== "src/main.ts") throw new Error("`bun … src/main.ts`");
  return [process.execPath, ...words.with(-1, MAIN)];
}

/** Everything that Bun is known to read in the folder where it is started, and above a file. */
async function layTraps(): Promise<void> {
  const evil = join(hostile, "evil.ts");
  const write = (name: string, text: string) => Bun.write(join(hostile, name), text);
  const run = `require("node:fs").appendFileSync(${JSON.stringify(owned)}, __filename + "\\n");`;
  const preload = 'preload = ["./evil.ts"]\n';
  await Promise.all([
    write("evil.ts", `${run} module.exports = new Proxy({}, { get: () => () => {} });`),
    write("bunfig.toml", `${preload}[run]\n${preload}[test]\n${preload}[define]\n"Bun" = "null"\n`),
    write(".bunfig.toml", preload),
    ...[".env", ".env.local", ".env.production", ".env.development"].map((name) =>
      write(name, "FROM_DOTENV=10.0.0.66:6666\nHTTP_PROXY=http://127.0.0.1:1\n"),
    ),
    ...["tsconfig.json", "jsconfig.json"].map((name) =>
      write(
        name,
        JSON.stringify({
          compilerOptions: {
            baseUrl: ".",
            paths: { "*": [evil], "node:*": [evil], "#page/*": [evil], "./*": [evil] },
            jsx: "react-jsx",
            jsxImportSource: evil,
          },
        }),
      ),
    ),
    write(
      "package.json",
      JSON.stringify({
        name: "ringway",
        type: "module",
        exports: "./evil.ts",
        imports: { "#page/*": "./evil.ts" },
        scripts: { proxy: "bun evil.ts" },
        overrides: { citty: "./evil.ts" },
      }),
    ),
    ...["ringway", "bun", ...Object.keys(packageJson.dependencies)].map((name) =>
      write(`node_modules/${name}/index.js`, run),
    ),
  ]);
}

async function writeConfigurations(): Promise<void> {
  const write = (name: string, text: string) => Bun.write(join(trusted, name), text);
  await Promise.all([
    write("ringway.toml", 'listen = "127.0.0.1:0"\nupstream = "127.0.0.1:9"\n'),
    write("environment.toml", 'listen = "127.0.0.1:0"\nupstream = "${FROM_DOTENV}"\n'),
    write("upstream.ts", 'export const upstream = "127.0.0.1:9";'),
    write(
      "ringway.ts",
      `import { defineConfig } from "ringway";
import { upstream } from "./upstream.ts";
export default defineConfig({ listen: "127.0.0.1:0", upstream });`,
    ),
  ]);
}

function surroundings() {
  // The command finds the very Bun that runs this, under the name that it has there.
  const bins = [dirname(process.execPath), resolve(MAIN, "../../node_modules/.bin")];
  const PATH = [...bins, "/usr/bin", "/bin"].join(":");
  return { cwd: hostile, env: { PATH }, stdin: "ignore" } as const;
}

function ownedNow(): string {
  return existsSync(owned) ? readFileSync(owned, "utf8") : "";
}

async function run(way: readonly string[], ...args: string[]) {
  await rm(owned, { force: true });
  const child = Bun.spawn([...way, ...args], {
    ...surroundings(),
    stdout: "pipe",
    stderr: "pipe",
    timeout: 20_000,
    killSignal: "SIGKILL",
  });
  const { stdout, stderr } = child;
  const [code, out, err] = await Promise.all([child.exited, stdout.text(), stderr.text()]);
  return { code, out, err, owned: ownedNow() };
}
