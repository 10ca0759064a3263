import { afterAll, describe, expect, test } from "bun:test";
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliProcess, PROGRAM } from "../fixtures/cli-process.ts";
import { inParallel, waitFor } from "../fixtures/wait.ts";

// The access log as its reader meets it: the real program, real clients, real files.

const folder = mkdtempSync(join(tmpdir(), "ringway-access-log-"));
const LOOPBACK = "127.0.0.1:0";
const isLinux = process.platform === "linux";
const engines = isLinux ? ["sockets", "auto"] : ["sockets"];

afterAll(() => rmSync(folder, { recursive: true }));

interface Line {
  readonly event: string;
  readonly id: number;
  readonly [field: string]: unknown;
}

function linesOf(text: string): Line[] {
  expect(text === "" || text.endsWith("\n")).toBe(true);
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

function linesIn(path: string): Line[] {
  return linesOf(readFileSync(path, "utf8"));
}

/** A client that sends text, and ends when an answer has come. */
async function ask(port: number, text: string, answer: RegExp): Promise<void> {
  const socket: Socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  const over = Promise.withResolvers<void>();
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk.toString();
    if (answer.test(received)) socket.end();
  });
  socket.on("close", () => over.resolve());
  socket.write(text);
  await over.promise;
  expect(received).toMatch(answer);
}

/** Where a program listens, as soon as its log says so, and all that the log says then. */
async function announced(
  stderr: ReadableStream<Uint8Array>,
): Promise<{ port: number; rest: Promise<string> }> {
  const port = Promise.withResolvers<number>();
  const read = async () => {
    let text = "";
    for await (const chunk of stderr) {
      text += Buffer.from(chunk).toString();
      const match = /listening on \S+:(\d+)/.exec(text);
      if (match !== null) port.resolve(Number(match[1]));
    }
    port.reject(new Error(`it listens nowhere:\n${text}`));
    return text;
  };
  const rest = read();
  return { port: await port.promise, rest };
}

const ping = (port: number) => ask(port, "PING\r\n", /^\+PONG\r\n/);

for (const engine of engines) describe.concurrent(`engine ${engine}`, () => engineTests(engine));

/** Each has a process, and a file, of its own. */
function engineTests(engine: string): void {
  const path = join(folder, `${engine}.log`);

  test("a line at the start and one at the end, with every field", async () => {
    const flags = ["-l", LOOPBACK, "-e", engine, "--access-log", path, "--access-log-starts", "on"];
    await using proxy = new CliProcess(flags);
    const port = await proxy.port();
    await ping(port);
    await waitFor(() => linesIn(path).length === 2, "both lines are there");
    expect((await proxy.stop()).code).toBe(0);
    const [start, end] = linesIn(path);
    const shared = {
      id: 1,
      listener: `127.0.0.1:${port}`,
      client: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    };
    const unknown = { upstream: null, resolved: null, reason: null };
    expect(start).toMatchObject({ ...shared, event: "start", ...unknown });
    expect(end).toMatchObject({
      ...shared,
      event: "end",
      upstream: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      tries: 1,
      upBytes: 6,
      downBytes: 7,
      upLostBytes: 0,
      downLostBytes: 0,
      reason: "client_fin",
      side: "client",
      local: `127.0.0.1:${port}`,
      resolved: end?.upstream,
      peer: null,
      waitedMs: 0,
    });
    const [dial, firstByte, duration] = ["dialMs", "firstByteMs", "durationMs"].map((field) =>
      Number(end?.[field]),
    );
    expect(dial).toBeWithin(0, 10_000);
    expect(firstByte).toBeGreaterThanOrEqual(dial ?? Number.NaN);
    expect(duration).toBeGreaterThanOrEqual(firstByte ?? Number.NaN);
    expect(Math.abs(Date.now() - Date.parse(String(end?.time)))).toBeLessThan(60_000);
    expect(statSync(path).mode & 0o137).toBe(0);
  });

  test("the file is renamed under load, again and again: no line is lost or torn", async () => {
    const rotated = join(folder, `${engine}-rotated.log`);
    await using proxy = new CliProcess([
      ...["-l", LOOPBACK, "-e", engine, "--access-log", rotated, "--stats", "json"],
    ]);
    const port = await proxy.port();
    let isOver = false;
    let count = 0;
    const rotate = async () => {
      while (!isOver || count < 3) {
        renameSync(rotated, `${rotated}.${++count}`);
        proxy.child.kill("SIGHUP");
        await waitFor(() => existsSync(rotated), "there is a new file");
      }
    };
    const rotating = rotate();
    await inParallel(400, 8, () => ping(port));
    isOver = true;
    await rotating;
    const { out, err } = await proxy.stop();
    const files = readdirSync(folder).filter((name) => name.startsWith(`${engine}-rotated.log`));
    expect(files).toHaveLength(count + 1);
    const ids = files.flatMap((name) => linesIn(join(folder, name)).map(({ id }) => id));
    expect(ids).toHaveLength(JSON.parse(out).relays.ended);
    expect(ids.toSorted((a, b) => a - b)).toEqual(ids.map((_, index) => index + 1));
    expect(err).not.toContain("[warn]");
  });

  test("SIGUSR1 opens the file anew, and nothing else", async () => {
    const path = join(folder, `${engine}-usr1.log`);
    await using proxy = new CliProcess(["-l", LOOPBACK, "-e", engine, "--access-log", path]);
    const port = await proxy.port();
    await ping(port);
    await waitFor(() => linesIn(path).length === 1, "the line of the first relay");
    renameSync(path, `${path}.1`);
    proxy.child.kill("SIGUSR1");
    await waitFor(() => existsSync(path), "there is a new file");
    await ping(port);
    const { code, err } = await proxy.stop();
    expect([`${path}.1`, path].map((file) => linesIn(file).map(({ id }) => id))).toEqual([
      [1],
      [2],
    ]);
    expect(err).toContain(`SIGUSR1: reopening access log ${path}\n`);
    expect(err).not.toContain("SIGHUP");
    expect(code).toBe(0);
  });

  test("a client behind a header that was held: who has connected, where to, for how long", async () => {
    const path = join(folder, `${engine}-ends.log`);
    const upstream = createServer((socket) =>
      socket
        .on("error", () => {})
        .resume()
        .end("+PONG\r\n"),
    );
    await new Promise<void>((listening) => upstream.listen(0, "127.0.0.1", listening));
    const { port: target } = upstream.address() as AddressInfo;
    await new Promise((closed) => upstream.close(closed));
    const headed = ["--proxy-protocol", "required", "--proxy-protocol-from", "127.0.0.0/8"];
    const flags = [
      ...headed,
      "--hold-timeout",
      "1m",
      "--access-log-every",
      "1s",
      "-u",
      `localhost:${target}`,
      "-w",
      "2",
    ];
    await using proxy = new CliProcess([
      ...[
        "-l",
        LOOPBACK,
        "-e",
        engine,
        "--access-log",
        path,
        ...(isLinux ? flags : flags.slice(0, -2)),
      ],
    ]);
    const port = await proxy.port();
    const header = "PROXY TCP4 10.9.8.7 10.6.5.4 4321 80\r\n";
    const asked = ask(port, `${header}PING\r\n`, /^\+PONG\r\n/);
    const isHeld = () => linesIn(path).some((line) => Number(line.waitedMs) > 0);
    await waitFor(isHeld, "a line says that it waits");
    await new Promise<void>((listening) => upstream.listen(target, "127.0.0.1", listening));
    await asked;
    await proxy.stop();
    await new Promise((closed) => upstream.close(closed));
    const line = linesIn(path).at(-1);
    expect(line).toMatchObject({
      event: "end",
      client: "10.9.8.7:4321",
      upstream: `localhost:${target}`,
      local: "10.6.5.4:80",
      resolved: `127.0.0.1:${target}`,
      peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    });
    expect(Number(line?.waitedMs)).toBeWithin(1, Number(line?.durationMs) + 1);
  }, 30_000);

  test("a relay that runs has lines too", async () => {
    const long = join(folder, `${engine}-long.log`);
    const flags = ["-l", LOOPBACK, "-e", engine, "--access-log", long, "--access-log-every", "1s"];
    await using proxy = new CliProcess(flags);
    const socket = connect(await proxy.port(), "127.0.0.1");
    socket.write("PING\r\n");
    await waitFor(() => linesIn(long).length >= 2, "two lines of it");
    socket.end();
    await proxy.stop();
    const lines = linesIn(long);
    expect(lines.at(-1)).toMatchObject({ event: "end", id: 1, reason: "client_fin" });
    for (const line of lines.slice(0, -1)) {
      expect(line).toMatchObject({ event: "running", id: 1, upBytes: 6, reason: null });
    }
  });
}

test("an upstream that refuses, and one that answers then", async () => {
  const path = join(folder, "tries.log");
  await using upstream = new CliProcess(["-l", LOOPBACK]);
  const port = await upstream.port();
  const flags = ["-u", "127.0.0.1:1", "-u", `127.0.0.1:${port}`, "--access-log", path];
  await using proxy = new CliProcess(["-l", LOOPBACK, ...flags]);
  await ping(await proxy.port());
  await proxy.stop();
  expect(linesIn(path)).toMatchObject([{ upstream: `127.0.0.1:${port}`, tries: 2 }]);
});

test("what a client sends is in no line", async () => {
  const path = join(folder, "hostile.log");
  await using proxy = new CliProcess(["-l", LOOPBACK, "--access-log", path]);
  const port = await proxy.port();
  await ask(port, 'PING "}\n{"event":"end","id":99}\n\u2028\0"\r\n', /^-/);
  await ping(port);
  await proxy.stop();
  expect(linesIn(path).map(({ id }) => id)).toEqual([1, 2]);
});

describe.concurrent("on stdout", () => {
  test("there is nothing else: statistics go to stderr", async () => {
    await using proxy = new CliProcess(["-l", LOOPBACK, "--access-log", "stdout"]);
    const port = await proxy.port();
    await ping(port);
    await ping(port);
    const { code, out, err } = await proxy.stop();
    expect(code).toBe(0);
    expect(linesOf(out).map(({ id }) => id)).toEqual([1, 2]);
    expect(err).toMatch(/\nringway statistics: .* 2 relays \(2 ended, 0 running\)/);
  });

  test("into a file", async () => {
    const path = join(folder, "stdout.log");
    const child = Bun.spawn(
      [...PROGRAM, "-l", LOOPBACK, "--access-log", "stdout", "--stats", "none"],
      { stdout: Bun.file(path), stderr: "pipe" },
    );
    const { port } = await announced(child.stderr);
    await ping(port);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    expect(linesIn(path)).toMatchObject([{ event: "end", id: 1 }]);
  });

  test.if(isLinux).each(["stdout", "/dev/stdout"])(
    "that is a socket, by the name %s",
    async (name) => {
      let received = "";
      const journal = createServer((socket) => {
        socket.on("data", (chunk) => {
          received += chunk.toString();
        });
        socket.on("error", () => {});
      });
      await new Promise<void>((listening) => journal.listen(0, "127.0.0.1", listening));
      const { port: socket } = journal.address() as AddressInfo;
      const shell = ["bash", "-c", `exec "$@" > /dev/tcp/127.0.0.1/${socket}`, "ringway"];
      await using proxy = new CliProcess(["-l", LOOPBACK, "--access-log", name], shell);
      await ping(await proxy.port());
      await waitFor(() => received.endsWith("\n"), "the line is there");
      expect((await proxy.stop()).code).toBe(0);
      expect(linesOf(received)).toMatchObject([{ event: "end", id: 1 }]);
      journal.close();
    },
  );

  const canLog = isLinux && Bun.which("logger") !== null && Bun.which("socat") !== null;
  test.if(canLog)("through logger to a syslog socket, as the README has it", async () => {
    const socket = join(folder, "syslog");
    const daemon = Bun.spawn(["socat", "-u", `UNIX-RECV:${socket}`, "STDOUT"], { stdout: "pipe" });
    let received = "";
    const read = (async () => {
      for await (const chunk of daemon.stdout) received += Buffer.from(chunk).toString();
    })();
    await waitFor(() => existsSync(socket), "the syslog socket is there");
    const logger = `logger -u ${socket} -t ringway -p local0.info --size 8KiB`;
    const shell = ["bash", "-c", `exec "$@" > >(${logger})`, "ringway"];
    await using proxy = new CliProcess(["-l", LOOPBACK, "--access-log", "stdout"], shell);
    await ping(await proxy.port());
    expect((await proxy.stop()).code).toBe(0);
    await waitFor(() => received.includes("}"), "the line is there, whole");
    daemon.kill();
    await read;
    const [, line] = /^<134>.* ringway: (\{.*\})$/.exec(received.trimEnd()) ?? [];
    expect(JSON.parse(line ?? "null")).toMatchObject({ event: "end", id: 1 });
  });

  test("a reader that does not read holds nobody up, not even the end", async () => {
    const pipe = join(folder, "pipe");
    Bun.spawnSync(["mkfifo", pipe]);
    // It takes 64 KiB of some 400 a line, and nobody ever reads it.
    const readEnd = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    const writeEnd = openSync(pipe, constants.O_WRONLY);
    const command = [...PROGRAM, "-l", LOOPBACK, "--access-log", "stdout"];
    const child = Bun.spawn(command, { stdout: writeEnd, stderr: "pipe" });
    closeSync(writeEnd);
    const { port, rest } = await announced(child.stderr);
    await inParallel(600, 8, () => ping(port));
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    const err = await rest;
    expect(err).toMatch(/access log stdout: \d+ lines could not be written in time/);
    expect(err).toMatch(/600 relays \(600 ended, 0 running\)/);
    closeSync(readEnd);
  }, 20_000);

  test("a reader that leaves", async () => {
    const command = [...PROGRAM, "-l", LOOPBACK, "--access-log", "stdout"];
    const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
    await child.stdout.cancel();
    const { port } = await announced(child.stderr);
    for (let round = 0; round < 5; round++) {
      await ping(port);
      await Bun.sleep(20);
    }
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });
});

test.if(isLinux)("a full disk costs lines, not relays, and the log says so", async () => {
  await using proxy = new CliProcess(["-l", LOOPBACK, "--access-log", "/dev/full"]);
  const port = await proxy.port();
  for (let round = 0; round < 3; round++) await ping(port);
  await proxy.logged(/access log \/dev\/full: ENOSPC; lines that do not fit in are dropped/);
  await ping(port);
  const { code, err } = await proxy.stop();
  expect(code).toBe(0);
  expect(err).toContain("access log /dev/full: 4 lines could not be written in time");
});

describe("what cannot be", () => {
  test("a folder that there is not: one sentence, exit 1", async () => {
    await using proxy = new CliProcess(["-l", LOOPBACK, "--access-log", join(folder, "no/a.log")]);
    const { code, err } = await proxy.finished();
    expect([code, err]).toEqual([
      1,
      `ringway: cannot write the access log ${join(folder, "no/a.log")}: there is no such directory\n`,
    ]);
  });
});
