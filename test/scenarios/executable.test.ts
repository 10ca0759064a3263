import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { End } from "../fixtures/end.ts";
import { buildExecutable } from "../fixtures/executable.ts";
import { waitFor } from "../fixtures/wait.ts";

/** Has a folder `build` and, for the executable alone, an empty one `alone`. */
let folder = "";
let alone = "";
let executable = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-executable-"));
  alone = join(folder, "alone");
  executable = join(alone, "ringway");
  await mkdir(alone);
  const built = join(folder, "build", "ringway");
  await buildExecutable(built);
  await copyFile(built, executable);
}, 60_000);

afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe("the executable, alone in a folder, with an empty PATH and no HOME", () => {
  test("says its version and its flags", async () => {
    expect(await run("--version")).toEqual({ code: 0, out: `${packageJson.version}\n`, err: "" });
    const help = await run("--help");
    expect(help).toMatchObject({ code: 0, err: "" });
    expect(help.out).toContain("--listen ADDR");
    expect(help.out).toContain("ringway -l");
    expect(help.out).not.toContain("bun run");
  });

  test("refuses a bad flag: one sentence, exit 2", async () => {
    const err = 'ringway: unknown flag "--listn"; did you mean --listen?\n';
    expect(await run("--listn", ":1")).toEqual({ code: 2, out: "", err });
  });

  test("reads a configuration in TypeScript, which imports ringway where there is none", async () => {
    const path = join(folder, "ringway.ts");
    const { code, out, err } = await run("init", path);
    expect({ code, out, err }).toEqual({ code: 0, out: expect.stringContaining(path), err: "" });
    expect(readFileSync(path, "utf8")).toContain('import { defineConfig } from "ringway";');
    const checked = { code: 0, out: expect.stringContaining(": ok: 1 listener, 1 upstream\n") };
    expect(await run("check", path)).toEqual({ ...checked, err: "" });
    expect(JSON.parse((await run("schema")).out)).toMatchObject({ title: "ringway" });
  });

  test("has what it looks for regular expressions with in it", async () => {
    const path = join(folder, "checked.toml");
    const check = (expression: string) => {
      const file = `upstream = "127.0.0.1:1"\ncheck = "send-expect"\ncheckExpect = '${expression}'\n`;
      return Bun.write(path, file).then(() => run("check", path));
    };
    expect(await check("/^220 .*ready/")).toMatchObject({ code: 0, err: "" });
    const refused = await check("/^220 (ready/");
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('"^220 (ready": missing closing )');
  });

  test("relays to its embedded upstream until SIGTERM, then shows statistics", async () => {
    const log = join(folder, "log");
    const child = Bun.spawn([executable, "--listen", "127.0.0.1:0"], {
      ...surroundings(),
      stdout: "pipe",
      stderr: Bun.file(log),
    });
    try {
      const port = await listeningPort(log, () => child.exitCode !== null);
      await ping(port);
      child.kill("SIGUSR1");
      child.kill("SIGUSR2");
      const said = () => readFileSync(log, "utf8");
      await waitFor(() => /SIGUSR1: .*\n/.test(said()), "it tells of SIGUSR1");
      await waitFor(() => said().includes("SIGUSR2 means nothing"), "it tells of SIGUSR2");
      await ping(port);
      child.kill("SIGTERM");
      const [code, out] = await Promise.all([child.exited, child.stdout.text()]);
      expect(readFileSync(log, "utf8")).toContain("stopped");
      expect(code).toBe(0);
      expect(out).toContain("ringway statistics");
      expect(out).toContain("client_fin 2");
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  });

  test("has the admin page in it, and all that it consists of", async () => {
    const log = join(folder, "admin-log");
    const flags = ["--listen", "127.0.0.1:0", "--mode", "sink", "--admin", "127.0.0.1:0"];
    const child = Bun.spawn([executable, ...flags], {
      ...surroundings(),
      stdout: "ignore",
      stderr: Bun.file(log),
    });
    try {
      await listeningPort(log, () => child.exitCode !== null);
      const find = () => /admin page, API and metrics on (\S+)/.exec(readFileSync(log, "utf8"));
      await waitFor(() => find() !== null, "it says where the page is");
      const base = find()?.[1] ?? "";
      const get = async (path: string) => await (await fetch(`${base}${path}`)).text();
      const html = await get("/");
      for (const [, path = ""] of html.matchAll(/(?:src|href)="(\/[^"]*)"/g)) {
        expect((await fetch(`${base}${path}`)).status).toBe(200);
      }
      expect(await get("/page/main.ts")).toContain('from "./charts.ts"');
      expect(await get("/page/main.ts")).not.toContain("import type");
      expect(await get("/page/uplot.js")).toContain("var uPlot=");
      expect(JSON.parse(await get("/api/state"))).toMatchObject({ status: "ready" });
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  });

  test("has left nothing behind", async () => {
    expect(await readdir(alone)).toEqual(["ringway"]);
  });
});

/** What the executable finds around it: nothing. */
function surroundings() {
  return { cwd: alone, env: { PATH: "" }, stdin: "ignore" } as const;
}

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = Bun.spawn([executable, ...args], {
    ...surroundings(),
    stdout: "pipe",
    stderr: "pipe",
    timeout: 10_000,
    killSignal: "SIGKILL",
  });
  const { stdout, stderr } = child;
  const [code, out, err] = await Promise.all([child.exited, stdout.text(), stderr.text()]);
  return { code, out, err };
}

/** Waits until the log names the port. @throws when the program ends instead */
async function listeningPort(log: string, hasEnded: () => boolean): Promise<number> {
  const read = () => /listening on 127\.0\.0\.1:(\d+)/.exec(readFileSync(log, "utf8"));
  await waitFor(
    () => read() !== null || hasEnded(),
    () => `it listens:\n${readFileSync(log, "utf8")}`,
  );
  const match = read();
  if (match === null) throw new Error(`it ended:\n${readFileSync(log, "utf8")}`);
  return Number(match[1]);
}

async function ping(port: number): Promise<void> {
  const client = await End.connect({ kind: "tcp", host: "127.0.0.1", port }, (end) => {
    end.keeps = true;
    end.send("PING\r\n");
  });
  await waitFor(() => client.text === "+PONG\r\n", "PING is answered");
  client.finish();
  await waitFor(() => client.closed, "the connection is closed");
}
