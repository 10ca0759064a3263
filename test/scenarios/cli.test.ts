import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ECHO_MS } from "../../src/cli/signals.ts";
import { CliProcess, MAIN, runCli, SOURCE, WITHOUT_URING } from "../fixtures/cli-process.ts";
import { waitFor } from "../fixtures/wait.ts";

const LOOPBACK = "127.0.0.1:0";

/** The tests of this file start the program as it is in the repository and in an installed package. */
const fromSource = (flags: readonly string[]) => new CliProcess(flags, [], SOURCE);

/** A client that sends text. @returns it, once an answer that matches has come */
async function ask(port: number, text: string, answer: RegExp): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  // What the proxy's end does to this client is not what is looked at here.
  socket.on("error", () => {});
  const answered = Promise.withResolvers<void>();
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk.toString();
    if (answer.test(received)) answered.resolve();
  });
  socket.on("close", () => answered.reject(new Error(`closed after ${JSON.stringify(received)}`)));
  socket.write(text);
  await answered.promise;
  return socket;
}

async function ping(port: number): Promise<Socket> {
  return await ask(port, "PING\r\n", /^\+PONG\r\n/);
}

/**
 * What becomes of a client that is not let in any more; those that come before the listener is
 * closed are served. (`rejects` of bun:test hangs here now and then.)
 */
async function refusal(port: number): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const answer = await ping(port).then(close, (error: Error) => error.message);
    if (answer !== undefined) return answer;
  }
  return "always let in";
}

/** Ends a client and waits until it is gone. */
async function close(socket: Socket): Promise<void> {
  const closed = Promise.withResolvers<void>();
  socket.on("close", () => closed.resolve());
  socket.end();
  await closed.promise;
}

describe("a run", () => {
  test("without an upstream: what to type, and it works", async () => {
    await using proxy = fromSource(["-l", LOOPBACK]);
    const port = await proxy.port();
    await proxy.logged(new RegExp(`try: redis-cli -h 127.0.0.1 -p ${port} ping\n`));
    await proxy.logged(new RegExp(`\\| nc 127.0.0.1 ${port}\n`));
    await close(await ping(port));
    const { code, out, err } = await proxy.stop("SIGTERM");
    expect(code).toBe(0);
    expect(out).toMatch(
      /^ringway statistics: .* on engine (?:sockets|uring), 1 relay \(1 ended, 0 running\)/,
    );
    expect(out).toMatch(/\nrelay 1: 127\.0\.0\.1:\d+ → 127\.0\.0\.1:\d+, client_fin after /);
    expect(err).toMatch(
      /\[info\] \[ringway\] stopping: SIGTERM, (no relays running|waiting up to 10s for 1 relay)/,
    );
    expect(err).toEndWith("[info] [ringway] stopped\n");
    // No line that a collector of plain lines would stumble over.
    for (const line of err.trimEnd().split("\n")) {
      expect(line).toMatch(
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[info\] \[ringway\] [\x20-\x7e→]+$/,
      );
      expect(Math.abs(Date.now() - Date.parse(line.slice(0, 24)))).toBeLessThan(60_000);
    }
  });

  test.each([
    ["systemd's journal, which has the time", 0, /^\[info\] \[ringway\] listening/],
    ["something else than its parent's journal", 1, /^\d{4}-\S+Z \[info\] \[ringway\] listening/],
  ])("that logs to %s", async (_name, difference, pattern) => {
    const folder = await mkdtemp(join(tmpdir(), "ringway-journal-"));
    const path = join(folder, "journal");
    await Bun.write(path, "");
    // What systemd tells a service of what it has made its stderr.
    const { dev, ino } = await stat(path);
    const child = Bun.spawn([process.execPath, MAIN, "-l", LOOPBACK, "--stats", "none"], {
      env: { ...process.env, JOURNAL_STREAM: `${dev}:${ino + difference}` },
      stderr: Bun.file(path),
    });
    await waitFor(() => readFileSync(path, "utf8").includes("listening on"), "it listens");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    expect(await Bun.file(path).text()).toMatch(pattern);
    await rm(folder, { recursive: true });
  });

  test("with upstreams: nothing about a demo, and every relay at -v", async () => {
    await using upstream = fromSource(["-l", LOOPBACK]);
    const target = `127.0.0.1:${await upstream.port()}`;
    await using proxy = fromSource(["-l", LOOPBACK, "-u", target, "-v", "--stats", "json"]);
    await close(await ping(await proxy.port()));
    await proxy.logged(/\[debug\] .*relay 1: 127\.0\.0\.1:\d+ → \S+ client_fin after /);
    const { code, out, err } = await proxy.stop("SIGINT");
    expect(code).toBe(0);
    expect(err).toContain(` → ${target}\n`);
    expect(err).toMatch(/\[debug\] \[ringway\] engine (sockets|uring) \(/);
    expect(err).not.toContain("try:");
    expect(JSON.parse(out)).toMatchObject({
      engine: expect.stringMatching(/^(sockets|uring)$/),
      relays: { accepted: 1, running: 0, ended: 1, reasons: { client_fin: 1 } },
      up: { receives: 1, shortReceives: 1, sends: 1, receivedBytes: 6, sentBytes: 6, lostBytes: 0 },
      down: { receivedBytes: 7, sentBytes: 7 },
      endedRelays: [{ id: 1, upstream: target, reason: "client_fin", dials: 1 }],
      runningRelays: [],
    });
  });

  test.skipIf(process.platform !== "linux")("without io_uring: says so, and works", async () => {
    await using proxy = new CliProcess(["-l", LOOPBACK, "--stats", "json"], [], WITHOUT_URING);
    await close(await ping(await proxy.port()));
    const { code, out, err } = await proxy.stop();
    expect(code).toBe(0);
    expect(JSON.parse(out).engine).toBe("sockets");
    expect(err).toContain(
      "[info] [ringway] engine sockets (a seccomp filter forbids io_uring, as most containers do)",
    );
  });

  test("several listeners, each with a line of its own", async () => {
    await using proxy = fromSource(["-l", LOOPBACK, "-l", LOOPBACK, "--stats", "none"]);
    const lines = await proxy.logged(/listening on \S+:(\d+) .*\n.*listening on \S+:(\d+) /);
    const ports = [Number(lines[1]), Number(lines[2])];
    expect(new Set(ports).size).toBe(2);
    for (const port of ports) await close(await ping(port));
    const { code, out } = await proxy.stop();
    expect({ code, out }).toEqual({ code: 0, out: "" });
  });

  test("a port without a host is on all addresses", async () => {
    await using proxy = fromSource(["-l", ":0", "-m", "sink"]);
    const [, port] = await proxy.logged(/listening on \[::\]:(\d+) \(sink: /);
    const client = connect(Number(port), "127.0.0.1");
    client.end("swallowed");
    await new Promise((resolve) => client.on("close", resolve).resume());
    const { out } = await proxy.stop();
    expect(out).toContain(", 1 relay (1 ended, 0 running)\n");
  });

  test("a sink says how much it discarded", async () => {
    await using proxy = fromSource(["-l", LOOPBACK, "-m", "sink", "--stats", "json"]);
    const client = connect(await proxy.port(), "127.0.0.1");
    client.end("swallowed");
    await new Promise((resolve) => client.on("close", resolve).resume());
    const { out } = await proxy.stop();
    expect(JSON.parse(out).up).toMatchObject({ receivedBytes: 9, sentBytes: 0, discardedBytes: 9 });
  });

  test("a file, and flags that win over it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "ringway-file-"));
    const path = join(folder, "ringway.toml");
    await Bun.write(path, `listen = "${LOOPBACK}"\nmode = "sink"\nstats = "text"\n`);
    await using proxy = fromSource(["-c", path, "--stats", "json"]);
    await proxy.logged(/listening on .*sink/);
    const { code, out } = await proxy.stop();
    expect(code).toBe(0);
    expect(JSON.parse(out).relays).toEqual({ accepted: 0, running: 0, ended: 0, reasons: {} });
    await rm(folder, { recursive: true });
  });

  test("an upstream that refuses is a warning, not an end", async () => {
    using free = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const target = `127.0.0.1:${free.port}`;
    free.stop();
    await using proxy = fromSource(["-l", LOOPBACK, "-u", target, "--stats", "json"]);
    const port = await proxy.port();
    for (let i = 0; i < 50; i++) expect(await refusal(port)).toStartWith("closed after");
    const { code, out, err } = await proxy.stop();
    expect(code).toBe(0);
    expect(JSON.parse(out).relays.reasons).toEqual({ connect_refused: 50 });
    const warnings = err.match(/\[warn\] .*connect_refused/g) ?? [];
    expect(warnings.length).toBeLessThan(5);
    expect(warnings[0]).toMatch(
      new RegExp(`\\] 127\\.0\\.0\\.1:\\d+: upstream ${target}: a dial failed: connect_refused$`),
    );
  });
});

describe.each(process.platform === "linux" ? ["sockets", "uring"] : ["sockets"])(
  "clients that are refused are a line and a count, engine %s",
  (engine) => {
    test("no upstream is up", async () => {
      const flags = ["-u", "127.0.0.1:1", "--check", "tcp", "--stats", "none", "-e", engine];
      await using proxy = fromSource(["-l", LOOPBACK, ...flags]);
      const port = await proxy.port();
      await proxy.logged(/upstream 127\.0\.0\.1:1 is down/);
      for (let i = 0; i < 5; i++) expect(await refusal(port)).toStartWith("closed after");
      const { err } = await proxy.stop();
      const said = err.match(/\[warn\] .*no_upstream\)\n/g) ?? [];
      expect(said.join("").replace(/client 127.0.0.1:\d+ /, "client 127.0.0.1:N ")).toBe(
        `[warn] [ringway] 127.0.0.1:${port}: client 127.0.0.1:N refused: no upstream takes new relays (no_upstream)\n` +
          `[warn] [ringway] 127.0.0.1:${port}: 4 more clients refused: no upstream takes new relays (no_upstream)\n`,
      );
    });

    test("all relays are taken", async () => {
      const flags = ["--max-relays", "1", "--stats", "none", "-e", engine];
      await using proxy = fromSource(["-l", LOOPBACK, ...flags]);
      const port = await proxy.port();
      const client = await ping(port);
      expect(await refusal(port)).toStartWith("closed after");
      await proxy.logged(
        /\[warn\] .*: client \S+ refused: the listener has reached maxRelays \(listener_full\)\n/,
      );
      client.destroy();
    });
  },
);

describe("a stop", () => {
  test("waits for running relays", async () => {
    await using proxy = fromSource(["-l", LOOPBACK]);
    const port = await proxy.port();
    const client = await ping(port);
    proxy.child.kill("SIGINT");
    await proxy.logged(
      /stopping: SIGINT, waiting up to 10s for 1 relay; a second signal cuts the rest\n/,
    );
    // Nobody else gets in, and who is in goes on.
    expect(await refusal(port)).toStartWith("closed after");
    const answered = new Promise((resolve) => client.once("data", resolve));
    client.write("PING\r\n");
    expect(String(await answered)).toBe("+PONG\r\n");
    client.end();
    const { code, err } = await proxy.finished();
    expect(code).toBe(0);
    expect(err).toEndWith("[info] [ringway] stopped\n");
  });

  test("cuts them after the drain timeout", async () => {
    const flags = ["-l", LOOPBACK, "--drain-timeout", "5ms", "--stats", "json"];
    await using proxy = fromSource(flags);
    await ping(await proxy.port());
    const { code, out, err } = await proxy.stop();
    expect(code).toBe(0);
    expect(err).toEndWith("[warn] [ringway] stopped: had to cut 1 relay\n");
    expect(JSON.parse(out).relays).toMatchObject({ running: 0, reasons: { drain: 1 } });
  });

  test("has not cut those that were idle", async () => {
    const flags = ["-l", LOOPBACK, "--drain-timeout", "1s", "--stats", "json"];
    await using proxy = fromSource(flags);
    await ping(await proxy.port());
    const { code, out, err } = await proxy.stop();
    expect(code).toBe(0);
    expect(err).toEndWith("[info] [ringway] stopped\n");
    expect(JSON.parse(out).relays).toMatchObject({ running: 0, reasons: { drain: 1 } });
  });

  // As a terminal does it: it tells all of the group, and `bun run` passes on what it has got.
  test.skipIf(process.platform !== "linux").each(["SIGINT", "SIGTERM"] as const)(
    "%s to `bun run proxy` and what it has started is one signal",
    async (signal) => {
      const runProxy = [
        process.execPath,
        "run",
        "--silent",
        "--cwd",
        resolve(import.meta.dir, "../.."),
        "proxy",
      ];
      const flags = ["-l", LOOPBACK, "--stats", "none"];
      await using proxy = new CliProcess(flags, ["setsid"], runProxy);
      const client = await ping(await proxy.port());
      process.kill(-proxy.child.pid, signal);
      await proxy.logged(/stopping: \w+, waiting up to \S+ for 1 relay;/);
      const answered = new Promise((resolve) => client.once("data", resolve));
      client.write("PING\r\n");
      expect(String(await answered)).toBe("+PONG\r\n");
      client.end();
      const { err } = await proxy.finished();
      expect(err).not.toContain("again");
      expect(err).toContain("[info] [ringway] stopped\n");
    },
  );

  test.each([
    ["SIGINT", "SIGINT", 130],
    ["SIGINT", "SIGTERM", 143],
    ["SIGTERM", "SIGINT", 130],
  ] as const)("%s and then %s ends at once with %i, and statistics", async (one, two, expected) => {
    await using proxy = fromSource(["-l", LOOPBACK, "--stats", "json"]);
    await ping(await proxy.port());
    proxy.child.kill(one);
    await proxy.logged(/stopping: /);
    // Until it cannot be the same one any more.
    if (one === two) await Bun.sleep(ECHO_MS + 1);
    const { code, out, err } = await proxy.stop(two);
    expect(code).toBe(expected);
    expect(err).toEndWith(`[warn] [ringway] ${two} again: not waiting for 1 relay\n`);
    expect(JSON.parse(out)).toMatchObject({ relays: { running: 1 }, runningRelays: [{ id: 1 }] });
  });
});

describe("signals that other proxies know", () => {
  const engines = process.platform === "linux" ? ["sockets", "uring"] : ["sockets"];
  test.each(engines)("are said to do nothing, and do nothing, engine %s", async (engine) => {
    const workers = process.platform === "linux" ? "2" : "1";
    const flags = ["-e", engine, "-w", workers, "--stats", "none"];
    await using proxy = fromSource(["-l", LOOPBACK, ...flags]);
    const client = await ping(await proxy.port());
    proxy.child.kill("SIGUSR1");
    await proxy.logged(/\[info\] .*SIGUSR1: no access log file to reopen \(--access-log none\)\n/);
    proxy.child.kill("SIGUSR2");
    await proxy.logged(/\[warn\] .*SIGUSR2 means nothing here: /);
    const answered = new Promise((resolve) => client.once("data", resolve));
    client.write("PING\r\n");
    expect(String(await answered)).toBe("+PONG\r\n");
    // In a drain they are as harmless.
    proxy.child.kill("SIGTERM");
    await proxy.logged(/stopping: /);
    proxy.child.kill("SIGUSR1");
    await proxy.loggedTimes(/SIGUSR1: /g, 2);
    client.end();
    expect(await proxy.finished()).toMatchObject({ code: 0 });
  });
});

describe("output", () => {
  test("help and version go to stdout", async () => {
    const help = await fromSource(["--help"]).finished();
    expect(help).toMatchObject({ code: 0, err: "" });
    expect(help.out).toContain("Usage: bun run proxy [flags]");
    expect(await fromSource(["-V"]).finished()).toMatchObject({ code: 0, err: "", out: "0.1.0\n" });
  });

  test("a topic is explained, and what is none is refused", async () => {
    const help = await runCli("help", "mirror");
    expect(help).toMatchObject({ code: 0, err: "" });
    expect(help.out).toContain("--mirror-buffer SIZE");
    expect((await runCli("help", "reasons")).out).toContain("\nconnect_refused\n");
    expect(await runCli("help", "mirorr")).toEqual({
      code: 2,
      out: "",
      err: 'ringway: no such topic "mirorr"; did you mean mirror?\n',
    });
  });

  test("a reader that leaves is no error", async () => {
    const script = '{ "$0" "$1" --help; echo "code $?" >&2; } | true';
    const shell = Bun.spawn(["sh", "-c", script, process.execPath, MAIN], { stderr: "pipe" });
    expect(await shell.stderr.text()).toBe("code 0\n");
  });

  test("a log that nobody reads any more does not end the proxy", async () => {
    const folder = await mkdtemp(join(tmpdir(), "ringway-log-"));
    const path = `${folder}/a.sock`;
    const flags = ["-v", "-l", `unix:${path}`, "--stats", "json"];
    const child = Bun.spawn([process.execPath, MAIN, ...flags], { stdout: "pipe", stderr: "pipe" });
    const reader = child.stderr.getReader();
    await reader.read();
    await reader.cancel();
    // Each of these relays is a line into the closed pipe.
    for (let i = 0; i < 20; i++) await pingUntilAnswered(path);
    child.kill("SIGTERM");
    const [out, code] = await Promise.all([child.stdout.text(), child.exited]);
    expect(code).toBe(0);
    expect(JSON.parse(out).relays.ended).toBe(20);
    await rm(folder, { recursive: true });
  });
});

/** One PING by a unix socket that may not be there yet. */
async function pingUntilAnswered(path: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const attempt = () => {
    const client = connect(path);
    client.on("error", () => setImmediate(attempt));
    client.on("data", () => client.end());
    client.on("close", (hadError) => {
      if (!hadError) resolve();
    });
    client.write("PING\r\n");
  };
  attempt();
  await promise;
}
