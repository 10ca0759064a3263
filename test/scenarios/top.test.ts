import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { CliProcess, PROGRAM, runCli } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// `ringway top` on a real pseudo terminal, which util-linux' script makes.

setDefaultTimeout(60_000);

const SCRIPT = process.platform === "linux" ? Bun.which("script") : null;

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";

let folder = "";
let upstream: Upstream;
let proxy: CliProcess;
let port = 0;
let admin = "";

async function startProxy(at: string): Promise<void> {
  if (upstream.address.kind !== "tcp") throw new Error("it has a port");
  const flags = ["-l", "127.0.0.1:0", "-u", `127.0.0.1:${upstream.address.port}`, "--admin", at];
  proxy = new CliProcess([...flags, "--stats", "none"]);
  port = await proxy.port();
  [, admin = ""] = await proxy.logged(/admin page, API and metrics on http:\/\/(\S+)/);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-top-"));
  upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
  await startProxy("127.0.0.1:0");
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  upstream.close();
  await rm(folder, { recursive: true });
});

async function connect(): Promise<End> {
  const end = await End.connect({ kind: "tcp", host: "127.0.0.1", port });
  end.offer({ seed: 1, total: 100 });
  await waitFor(() => end.receivedBytes === 100, "an echo");
  return end;
}

let terminals = 0;

/** The program on a terminal of its own, with what the terminal was like before and after it. */
class Screen implements AsyncDisposable {
  output = "";
  private readonly child: Subprocess<"pipe", "pipe", "inherit">;
  private readonly read: Promise<void>;
  private readonly path: string;

  constructor(script: string, flags: readonly string[], environment: Record<string, string> = {}) {
    this.path = join(folder, `terminal-${++terminals}`);
    const { path } = this;
    const words = [...PROGRAM, "top", ...flags].map((word) => `'${word}'`).join(" ");
    const command = [
      `tty > ${path}.tty`,
      "stty rows 24 cols 80",
      `stty -a > ${path}.before`,
      `sh -c 'echo $$ > ${path}.pid; exec "$@"' sh ${words}`,
      `echo "ended $?."`,
      `stty -a > ${path}.after`,
    ].join("; ");
    this.child = Bun.spawn([script, "-qec", command, "/dev/null"], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
      env: { ...process.env, TERM: "xterm-256color", NO_COLOR: "", ...environment },
    });
    this.read = this.readAll();
  }

  /** Waits until something new was shown: text that came after `from`, a place in the output. */
  async shows(pattern: RegExp, from = 0): Promise<void> {
    await waitFor(
      () => pattern.test(this.output.slice(from)),
      () => `it shows ${pattern}:\n${JSON.stringify(this.output.slice(-3_000))}`,
    );
  }

  press(keys: string): void {
    this.child.stdin.write(keys);
    this.child.stdin.flush();
  }

  /** Tells the terminal that it has another size. */
  async resize(rows: number, columns: number): Promise<void> {
    const tty = (await readFile(`${this.path}.tty`, "utf8")).trim();
    const size = ["rows", `${rows}`, "cols", `${columns}`];
    expect(await Bun.spawn(["stty", "-F", tty, ...size]).exited).toBe(0);
  }

  async signal(name: NodeJS.Signals): Promise<void> {
    process.kill(Number(await readFile(`${this.path}.pid`, "utf8")), name);
  }

  /** Waits for the program's end, and looks at what it has left. @returns its exit code */
  async ended(): Promise<number> {
    await this.child.exited;
    await this.read;
    const { output, path } = this;
    expect(await readFile(`${path}.after`, "utf8")).toBe(await readFile(`${path}.before`, "utf8"));
    if (output.includes(ENTER)) {
      const after = output.slice(output.lastIndexOf(ENTER) + ENTER.length);
      expect(after).toContain(LEAVE);
      // Nothing is drawn over what was there before.
      expect(after.slice(after.lastIndexOf(LEAVE))).not.toMatch(/;1H/);
    }
    return Number(/ended (\d+)\./.exec(output)?.[1] ?? Number.NaN);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
  }

  private async readAll(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.child.stdout) {
      this.output += decoder.decode(chunk, { stream: true });
    }
  }
}

test("without a terminal it is said once, as text", async () => {
  const end = await connect();
  const { code, out, err } = await runCli("top", "--admin", admin, "--sort", "client");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toMatch(/^ringway \S+ ready, up .*\nrelays 1 {2}accepted 0\/s {2}up 0 B\/s/);
  expect(out).toMatch(/\n +\d+ {2}127\.0\.0\.1:\d+ {2}127\.0\.0\.1:\d+ .* 100 B +100 B +0 B\/s\n/);
  expect(out).toEndWith("\n1 relay by client\n");
  expect(out).not.toContain("\u001b");
  end.finish();
});

test("lines that are wrong, the help, and nobody there", async () => {
  for (const [flags, code, sentence] of [
    [[], 2, "top needs to know which proxy: --admin ADDR"],
    [["--admin", admin, "--sort", "x"], 2, '--sort "x": expected id, duration, bytes or client'],
    [["--admin", admin, "--json"], 2, 'unknown flag "--json"; see --help'],
    [["--admin", "127.0.0.1:1"], 1, "no proxy answers on 127.0.0.1:1: what should have an admin"],
  ] as const) {
    const run = await runCli("top", ...flags);
    expect(run).toMatchObject({ code, out: "" });
    expect(run.err).toStartWith(`ringway: ${sentence}`);
  }
  const help = await runCli("top", "--help");
  expect(help).toMatchObject({ code: 0, err: "" });
  expect(help.out.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

if (SCRIPT === null) {
  test.skip("on a terminal: needs util-linux' script, on Linux", () => {});
} else {
  describe("on a terminal", () => tests(SCRIPT));
}

function tests(script: string): void {
  test("draws, sorts by keys, and gives the terminal back at q", async () => {
    const ends = [await connect(), await connect()];
    await using screen = new Screen(script, ["--admin", admin]);
    await screen.shows(/relays 2 .*by bytes/s);
    let at = screen.output.length;
    screen.press("d");
    await screen.shows(/2 relays by age/, at);
    at = screen.output.length;
    screen.press("\u001b[A\u001b[1;5Dr");
    await screen.shows(/by age, reversed/, at);
    // It lives: the next look comes by itself.
    at = screen.output.length;
    await screen.shows(/ringway.*ringway/s, at);
    screen.press("q");
    expect(await screen.ended()).toBe(0);
    for (const end of ends) end.finish();
  });

  test("Ctrl-C is a key, and gives it back too", async () => {
    await using screen = new Screen(script, ["--admin", admin]);
    await screen.shows(/by bytes/);
    screen.press("\u0003");
    expect(await screen.ended()).toBe(0);
  });

  test.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129],
    ["SIGQUIT", 131],
  ] as const)("%s gives it back, and is told by %d", async (name, code) => {
    await using screen = new Screen(script, ["--admin", admin]);
    await screen.shows(/by bytes/);
    await screen.signal(name);
    expect(await screen.ended()).toBe(code);
  });

  test("another size is drawn at once, in full", async () => {
    await using screen = new Screen(script, ["--admin", admin, "--sort", "id"]);
    await screen.shows(/\[24;1H\S+ relays by id/);
    let at = screen.output.length;
    await screen.resize(12, 60);
    await screen.shows(/\[12;1H\S+ relays by id/, at);
    const cleared = screen.output.slice(screen.output.lastIndexOf("\u001b[2J"));
    expect(cleared).not.toContain("\u001b[13;1H");
    at = screen.output.length;
    await screen.resize(24, 80);
    await screen.shows(/\[24;1H\S+ relays by id/, at);
    screen.press("q");
    expect(await screen.ended()).toBe(0);
  });

  test("one that was stopped takes the terminal again", async () => {
    await using screen = new Screen(script, ["--admin", admin]);
    await screen.shows(/by bytes/);
    await screen.signal("SIGSTOP");
    const at = screen.output.length;
    await screen.signal("SIGCONT");
    await screen.shows(/\[\?1049h.*by bytes/s, at);
    screen.press("q");
    expect(await screen.ended()).toBe(0);
  });

  test("says so when the proxy goes away, and waits for it to come back", async () => {
    await using screen = new Screen(script, ["--admin", admin]);
    await screen.shows(/ready/);
    await proxy.stop();
    await screen.shows(/no proxy answers on 127\.0\.0\.1:\d+/);
    const at = screen.output.length;
    await startProxy(admin);
    await screen.shows(/ringway \S+ ready/, at);
    screen.press("q");
    expect(await screen.ended()).toBe(0);
  });

  test("q does not wait for a proxy that does not answer", async () => {
    await using screen = new Screen(script, ["--admin", admin]);
    await screen.shows(/ready/);
    proxy.child.kill("SIGSTOP");
    await screen.shows(/what is shown is \ds old: no proxy answers on /);
    const pressedAt = performance.now();
    screen.press("q");
    expect(await screen.ended()).toBe(0);
    expect(performance.now() - pressedAt).toBeLessThan(2_500);
    proxy.child.kill("SIGCONT");
  });

  test("an answer that makes no sense is told above what was shown before", async () => {
    let isBroken = false;
    // What answers is something that top cannot make sense of.
    await using strange = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async ({ url }) =>
        isBroken
          ? Response.json({ totals: 7 })
          : await fetch(url.replace(/127\.0\.0\.1:\d+/, admin), { headers: { "x-ringway": "1" } }),
    });
    await using screen = new Screen(script, ["--admin", `127.0.0.1:${strange.port}`]);
    await screen.shows(/by bytes/);
    isBroken = true;
    await screen.shows(/what is shown is \S+ old: what answers on 127/);
    screen.press("q");
    expect(await screen.ended()).toBe(0);
  });

  test("a terminal that is dumb, or a proxy that is not there, is left alone", async () => {
    await using dumb = new Screen(script, ["--admin", admin], { TERM: "dumb" });
    expect(await dumb.ended()).toBe(0);
    expect(dumb.output).toContain("relays by bytes");
    await using nobody = new Screen(script, ["--admin", "127.0.0.1:1"]);
    expect(await nobody.ended()).toBe(1);
    for (const { output } of [dumb, nobody]) expect(output).not.toContain("\u001b");
  });

  test("has colours only where they are wanted", async () => {
    await using screen = new Screen(script, ["--admin", admin], { NO_COLOR: "1" });
    await screen.shows(/by bytes/);
    await proxy.stop();
    await screen.shows(/\[1;1H.\[1mwhat is shown is/);
    screen.press("q");
    expect(await screen.ended()).toBe(0);
    expect(screen.output).not.toContain("\u001b[31m");
    await startProxy(admin);
  });
}
