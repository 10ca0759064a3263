import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { statSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StateDocument } from "../../src/admin/state.ts";
import { CliProcess, runCli } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import { onBothEngines, startOn } from "./stages.ts";

// Who may only look changes nothing, who guesses is seen and waits, and files and sockets are private.

setDefaultTimeout(60_000);

const TOKEN = "0123456789abcdef";
const READ = "abcdef0123456789";
const LOGGED = /admin page, API and metrics on (\S+)/;

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-tokens-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** A file with a token. @param mode its permissions */
async function fileWith(name: string, text: string, mode: number): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

onBothEngines("the token of those who only look", (stage) => {
  test("shows everything, and has nothing done", async () => {
    const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
    const to = upstream.address.kind === "tcp" ? `127.0.0.1:${upstream.address.port}` : "";
    const flags = ["-l", "127.0.0.1:0", "-u", to, "--stats", "none", "--admin", "127.0.0.1:0"];
    const proxy = startOn(stage, [...flags, "--admin-token", TOKEN, "--admin-read-token", READ]);
    try {
      const port = await proxy.port();
      const [, base = ""] = await proxy.logged(LOGGED);
      const end = await End.connect({ kind: "tcp", host: "127.0.0.1", port });
      end.offer({ seed: 1, total: 100 });
      await waitFor(() => end.receivedBytes === 100, "an echo");
      const ask = async (method: string, path: string, token: string, body?: string) => {
        const headers = { authorization: `Bearer ${token}`, "x-ringway": "1" };
        const sent = body === undefined ? {} : { body };
        return await fetch(`${base}${path}`, { method, headers, ...sent });
      };
      const state = async (token: string) =>
        (await (await ask("GET", "/api/state", token)).json()) as StateDocument;
      expect(await state(READ)).toMatchObject({ mayChange: false });
      expect(await state(TOKEN)).toMatchObject({ mayChange: true });
      const id = 1;
      for (const path of ["/", "/metrics", "/api/relays", "/api/upstreams", "/api/upstreams/0"]) {
        expect((await ask("GET", path, READ)).status).toBe(200);
        expect((await ask("HEAD", path, READ)).status).toBe(200);
      }
      const changes = [
        ["POST", "/api/plan"],
        ["POST", "/api/reload"],
        ["POST", "/api/drain"],
        ["DELETE", `/api/relays/${id}`],
        ["POST", "/api/upstreams/0", '{"state":"maintenance","within":"0s"}'],
        ["POST", `/api/listeners/127.0.0.1%3A${port}/drain`],
        ["PUT", "/api/state"],
        ["PATCH", "/nothing"],
      ] as const;
      for (const [method, path, body] of changes) {
        const response = await ask(method, path, READ, body);
        expect(response.status).toBe(403);
        expect(await response.json()).toMatchObject({ error: expect.stringContaining("look") });
      }
      // The relay is there, the upstream has relays, and the listener accepts.
      end.offer({ seed: 1, total: 200 });
      const after = await state(READ);
      expect(after).toMatchObject({ status: "ready", totals: { relays: { running: 1 } } });
      expect(after.upstreams[0]).toMatchObject({ state: "ready" });
      expect(after.listeners[0]).toMatchObject({ accepting: true });
      end.reset();
    } finally {
      await proxy[Symbol.asyncDispose]();
      upstream.close();
    }
  });
});

describe("wrong tokens", () => {
  test("are told of with who sent them, a line a second, and hold up no right one", async () => {
    const flags = ["-m", "sink", "-l", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--stats", "none"];
    await using proxy = new CliProcess([...flags, "--admin-token", TOKEN]);
    const [, base = ""] = await proxy.logged(LOGGED);
    const ask = (token: string) =>
      fetch(`${base}/api/state`, { headers: { authorization: `Bearer ${token}` } });
    let answered = 0;
    const guesses = Array.from({ length: 40 }, async (_, at) => {
      expect((await ask(`guess-${at}-guess-guess`)).status).toBe(401);
      answered++;
    });
    await proxy.logged(/admin API: a wrong token from 127\.0\.0\.1/);
    for (let at = 0; at < 20; at++) expect((await ask(TOKEN)).status).toBe(200);
    // The right ones were all answered while most of the others still wait.
    expect(answered).toBeLessThan(20);
    await Promise.all(guesses);
    await proxy.logged(/admin API: \d+ more requests with a wrong token/);
    const { err } = await proxy.stop();
    expect(err).not.toContain("guess-");
    expect(err.match(/a wrong token from/g)?.length ?? 0).toBeLessThan(10);
  });

  test("none at all is no guess: the page asks the person for it", async () => {
    const flags = ["-m", "sink", "-l", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--stats", "none"];
    await using proxy = new CliProcess([...flags, "--admin-token", TOKEN]);
    const [, base = ""] = await proxy.logged(LOGGED);
    for (let at = 0; at < 5; at++) expect((await fetch(`${base}/api/state`)).status).toBe(401);
    expect((await proxy.stop()).err).not.toContain("wrong token");
  });
});

describe("a token in a file", () => {
  const flags = ["-m", "sink", "-l", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--stats", "none"];

  test("is its first line, for the server and for the commands that ask it", async () => {
    const path = await fileWith("token", `${TOKEN}\nnot this\n`, 0o600);
    await using proxy = new CliProcess([...flags, "--admin-token", `file:${path}`]);
    const [, base = ""] = await proxy.logged(LOGGED);
    const admin = ["--admin", base.replace("http://", "")];
    expect(await runCli("relays", ...admin, "--admin-token", `file:${path}`)).toMatchObject({
      code: 0,
      out: "0 running\n",
    });
    const command = await Bun.file(`/proc/${proxy.child.pid}/cmdline`).text();
    expect(command).not.toContain(TOKEN);
  });

  test.each([0o604, 0o644, 0o606, 0o620, 0o660, 0o666])(
    "that others can read or change: %o",
    async (mode) => {
      const path = await fileWith("open", TOKEN, mode);
      const { code, err } = await runCli(...flags, "--admin-token", `file:${path}`);
      expect(code).toBe(2);
      expect(err).toContain("others can read or change it, as its mode is 0");
      expect(err).not.toContain(TOKEN);
      const password = [
        "--check",
        "redis",
        "--check-password",
        `file:${path}`,
        "-u",
        "127.0.0.1:1",
      ];
      expect((await runCli("-l", "127.0.0.1:0", ...password)).code).toBe(2);
    },
  );

  test("that holds none, or is not there", async () => {
    for (const text of ["", "short", "with spaces in it, long", "\u0000".repeat(20)]) {
      const path = await fileWith("none", text, 0o600);
      const { code, err } = await runCli(...flags, "--admin-token", `file:${path}`);
      expect(code).toBe(2);
      expect(err.trimEnd().split("\n")).toHaveLength(1);
      if (text !== "") expect(err).not.toContain(text);
    }
    const { code, err } = await runCli(...flags, "--admin-token", `file:${join(folder, "gone")}`);
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining("no such file") });
  });
});

describe("the unix socket", () => {
  const mode = (path: string) => statSync(path).mode & 0o777;
  const start = (path: string, umask: string, ...more: string[]) =>
    new CliProcess(
      ["-m", "sink", "-l", "127.0.0.1:0", "--stats", "none", "--admin", `unix:${path}`, ...more],
      ["sh", "-c", `umask ${umask}; exec "$@"`, "sh"],
    );

  test.each(["000", "022", "077", "777"])("is its owner's alone with umask %s", async (umask) => {
    const path = join(folder, `${umask}.sock`);
    await using proxy = start(path, umask);
    await proxy.logged(LOGGED);
    expect(mode(path)).toBe(0o600);
    await proxy.stop();
  });

  test.each([
    ["0600", 0o600],
    ["0660", 0o660],
    ["0666", 0o666],
  ] as const)("is for others where that is said: %s", async (text, expected) => {
    const path = join(folder, `${text}-said.sock`);
    await using proxy = start(path, "077", "--unix-mode", text);
    await proxy.logged(LOGGED);
    expect(mode(path)).toBe(expected);
    // And what else the program makes has the umask that it was started with.
    const status = await Bun.file(`/proc/${proxy.child.pid}/status`).text();
    expect(/Umask:\s+(\d+)/.exec(status)?.[1]).toBe("0077");
    await proxy.stop();
  });

  test("is not for modes that nobody means", async () => {
    const admin = ["-m", "sink", "-l", "127.0.0.1:0", "--admin", `unix:${folder}/x`];
    for (const text of ["01777", "66", "0", "rw-------"]) {
      const { code, err } = await runCli(...admin, "--unix-mode", text);
      expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining("--unix-mode") });
    }
  });

  // Who else is on the machine takes root to try.
  test.skipIf(process.getuid?.() !== 0 || process.platform !== "linux").each([
    ["0600", [], 403],
    ["0660", [], 403],
    ["0666", [], 200],
    ["0600", ["--unix-user", "4711"], 200],
    ["0660", ["--unix-group", "4711"], 200],
  ] as const)(
    "without a file is for others as its mode says: %s %p",
    async (text, owner, expected) => {
      const name = `ringway-${process.pid}-${text}-${owner.join("-")}`;
      await using proxy = new CliProcess([
        ...["-m", "sink", "-l", "127.0.0.1:0", "--stats", "none"],
        ...["--admin", `unix:@${name}`, "--unix-mode", text, ...owner],
      ]);
      await proxy.logged(LOGGED);
      const asked = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}"];
      const request = [...asked, "--abstract-unix-socket", name, "http://localhost/api/state"];
      const stranger = ["setpriv", "--reuid", "4711", "--regid", "4711", "--clear-groups"];
      const status = (command: readonly string[]) =>
        new Response(Bun.spawn([...command], { stdout: "pipe" }).stdout).text();
      expect(await status(request)).toBe("200");
      expect(await status([...stranger, ...request])).toBe(String(expected));
      if (expected === 403) await proxy.logged(/admin API: user 4711 may not use this socket/);
      await proxy.stop();
    },
  );
});
