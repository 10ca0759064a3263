import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { End } from "../../../test/fixtures/end.ts";
import { descriptorsSince, openDescriptors } from "../../../test/fixtures/proc.ts";
import { Refusing, Silent } from "../../../test/fixtures/system.ts";
import { type Behaviour, Upstream } from "../../../test/fixtures/upstream.ts";
import { LIVENESS_MS, waitFor } from "../../../test/fixtures/wait.ts";
import type { Address } from "../../base/address.ts";
import { startEmbeddedUpstream } from "../../embedded/server.ts";
import { NameError } from "../names/name-error.ts";
import type { CheckOptions, CheckStep } from "./check-options.ts";
import { type HostsOf, literals } from "./lookup.ts";
import { Pattern } from "./pattern.ts";
import { probe } from "./probe.ts";
import { checkOptions, redisServer, startRedisServer } from "./test-redis.ts";

setDefaultTimeout(20_000);

const linux = process.platform === "linux";
const loopback: Address = { kind: "tcp", host: "127.0.0.1", port: 0 };
const opened: { close(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

function listen(behaviour: Behaviour, address = loopback): Upstream {
  const upstream = Upstream.listen(address, behaviour);
  opened.push(upstream);
  return upstream;
}

/** An upstream that says this to whatever is said to it first, or at once if nothing has to be. */
function saying(text: string | Uint8Array, atOnce = false): Upstream {
  return listen((end) => {
    if (atOnce) end.send(Buffer.from(text));
    else end.onData = (self) => void self.send(Buffer.from(text));
  });
}

/** What names stand for in a test; one that stands for nothing is never answered. */
const names = new Map<string, readonly string[]>();
const hostsOf: HostsOf = async (name) => {
  const hosts = names.get(name);
  if (hosts === undefined) throw new NameError("unknown_host");
  if (hosts.length === 0) await new Promise(() => {});
  return hosts;
};

/** Checks without hurry. @returns what it found, without its duration */
async function check(
  address: Address,
  more: Partial<CheckOptions>,
  signal?: AbortSignal,
): Promise<{ ok: boolean; detail: string; inconclusive?: boolean }> {
  const result = await probe(address, checkOptions(more), (one) => literals(one, hostsOf), signal);
  expect(result.durationMs).toBeGreaterThanOrEqual(0);
  expect(result.detail).toMatch(/^[\x20-\x7e…"]{1,300}$/);
  const { ok, detail, inconclusive } = result;
  return inconclusive ? { ok, detail, inconclusive } : { ok, detail };
}

const expectText = (text: string): CheckStep => ({ expect: { bytes: Buffer.from(text) } });
const expectMatch = (text: string): CheckStep => ({ expect: { pattern: Pattern.compile(text) } });
const sendText = (text: string): CheckStep => ({ send: Buffer.from(text) });

describe("connecting", () => {
  test("is enough for kind tcp, and ends with RST", async () => {
    const upstream = listen(() => {});
    expect(await check(upstream.address, {})).toEqual({ ok: true, detail: "connected" });
    await waitFor(() => upstream.ends[0]?.closed === true, "the connection is closed");
    expect(upstream.end(0).closeCode).toBe("ECONNRESET");
  });

  test("works by unix socket", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ringway-health-"));
    const path = join(folder, "up.sock");
    const upstream = listen((end) => end.send(Buffer.from("hello")), { kind: "unix", path });
    const steps = [expectText("hello")];
    const found = await check(upstream.address, { kind: "send-expect", steps });
    expect(found).toEqual({ ok: true, detail: 'got "hello"' });
    expect(await check({ kind: "unix", path: join(folder, "none") }, {})).toEqual({
      ok: false,
      detail: "connect: ENOENT",
    });
    rmSync(folder, { recursive: true });
  });

  test("goes to the check's own address if there is one", async () => {
    const upstream = listen(() => {});
    const found = await check({ ...loopback, port: 1 } as Address, { address: upstream.address });
    expect(found.ok).toBe(true);
  });

  test.if(linux)("a refusal is told", async () => {
    const refusing = Refusing.open();
    opened.push(refusing);
    const found = await check(refusing.address, {});
    expect(found).toEqual({ ok: false, detail: "connect: ECONNREFUSED" });
  });

  test("a name that does not exist is told", async () => {
    const found = await check({ kind: "tcp", host: "nowhere.test", port: 80 }, {});
    expect(found).toEqual({ ok: false, detail: "lookup: unknown host" });
  });

  test("a name that is not resolved in time is told", async () => {
    names.set("slow.test", []);
    const found = await check({ kind: "tcp", host: "slow.test", port: 80 }, { timeoutMs: 30 });
    expect(found).toEqual({ ok: false, detail: "lookup: no answer within 30ms" });
  });

  test("a name is tried with each of its addresses", async () => {
    const upstream = listen(() => {});
    const { port } = upstream.address as { port: number };
    names.set("many.test", ["::1", "127.0.0.1"]);
    expect(await check({ kind: "tcp", host: "many.test", port }, {})).toEqual({
      ok: true,
      detail: "connected",
    });
  });

  test("a port that is none fails and does not throw", async () => {
    const found = await check({ kind: "tcp", host: "127.0.0.1", port: 70_000 }, {});
    expect(found.ok).toBe(false);
  });

  test.if(linux)("an attempt that is never answered leaves no descriptor behind", async () => {
    const silent = await Silent.open();
    opened.push(silent);
    const before = openDescriptors();
    for (let round = 0; round < 5; round++) {
      const found = await check(silent.address, { timeoutMs: 30 });
      expect(found).toEqual({ ok: false, detail: "connect: no answer within 30ms" });
    }
    await waitFor(() => descriptorsSince(before) === "", "all attempts are closed");
  });

  test.if(linux)("without a descriptor of ours it says nothing about the upstream", async () => {
    const folder = import.meta.dir;
    const program = `
      import { openSync, writeSync } from "node:fs";
      import { checkOptions, probeOnce as probe } from "${folder}/test-redis.ts";
      const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
      const address = { kind: "tcp", host: "127.0.0.1", port: listener.port };
      await probe(address, checkOptions());
      try { for (;;) openSync("/dev/null", "r"); } catch {}
      const { ok, inconclusive, detail } = await probe(address, checkOptions());
      writeSync(1, JSON.stringify({ ok, inconclusive, detail }));
      process.exit(0);`;
    const child = Bun.spawn(
      ["sh", "-c", 'ulimit -n 96 && exec "$0" -e "$1"', process.execPath, program],
      { cwd: folder, stderr: "pipe" },
    );
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect({ out, err }).toEqual({
      out: '{"ok":false,"inconclusive":true,"detail":"no descriptor left"}',
      err: "",
    });
  });
});

describe("time and size", () => {
  test("an upstream that never answers is given up after the timeout", async () => {
    const upstream = listen(() => {});
    const found = await check(upstream.address, { kind: "redis", timeoutMs: 40 });
    expect(found).toEqual({ ok: false, detail: "no answer within 40ms" });
    await waitFor(() => upstream.end(0).closed, "the connection is closed");
  });

  test("one that dribbles is read until its answer is whole", async () => {
    const upstream = listen((end) => {
      const rest = [..."+PONG\r\n"];
      const dribble = () => {
        const next = rest.shift();
        if (next === undefined || end.closed) return;
        end.send(Buffer.from(next));
        setTimeout(dribble, 1);
      };
      end.onData = dribble;
    });
    const found = await check(upstream.address, { kind: "redis" });
    expect(found).toEqual({ ok: true, detail: "+PONG" });
  });

  test("one that dribbles for ever does not get more time for it", async () => {
    const upstream = listen((end) => {
      const timer = setInterval(() => {
        if (end.closed) clearInterval(timer);
        else end.send(Buffer.from("."));
      }, 2);
    });
    const steps = [expectText("done")];
    const found = await check(upstream.address, { kind: "send-expect", steps, timeoutMs: 60 });
    expect(found.detail).toMatch(/^expected "done", got "\.+…?": nothing more within 60ms$/);
    await waitFor(() => upstream.end(0).closed, "the connection is closed");
  });

  test("one that floods is read up to 64 KiB", async () => {
    const upstream = listen((end) => void end.send(Buffer.alloc(16 * 1024 * 1024, "x")));
    const steps = [expectText("done")];
    const found = await check(upstream.address, { kind: "send-expect", steps });
    expect(found).toEqual({
      ok: false,
      detail: `expected "done", got "${"x".repeat(60)}…": not within 65536 bytes`,
    });
    await waitFor(() => upstream.end(0).closed, "the connection is closed");
    expect(upstream.end(0).sentBytes).toBeLessThan(16 * 1024 * 1024);
  });

  test.each(["redis", "postgres", "http"] as const)("a flood of garbage is no %s", async (kind) => {
    const garbage = crypto.getRandomValues(new Uint8Array(65_536)).map((byte) => byte | 0x80);
    const found = await check(saying(garbage, true).address, { kind });
    expect(found.ok).toBe(false);
  });

  test("one that ends or resets before it answers is told", async () => {
    const ending = listen((end) => void end.finish());
    expect(await check(ending.address, { kind: "http" })).toEqual({
      ok: false,
      detail: "expected a status line, got nothing: the upstream ended the connection",
    });
    const resetting = listen((end) => {
      end.onData = (self) => self.reset();
    });
    expect(await check(resetting.address, { kind: "http" })).toEqual({
      ok: false,
      detail: "expected a status line, got nothing: connection: ECONNRESET",
    });
  });

  test("one that answers and ends at once is judged by its answer", async () => {
    const upstream = listen((end) => {
      end.send(Buffer.from("HTTP/1.1 204 No Content\r\n\r\n"));
      end.finish();
    });
    expect(await check(upstream.address, { kind: "http" })).toEqual({
      ok: true,
      detail: '"HTTP/1.1 204 No Content"',
    });
  });

  test("a signal gives it up, also one that was given before", async () => {
    const upstream = listen(() => {});
    const controller = new AbortController();
    const checking = check(upstream.address, { kind: "redis" }, controller.signal);
    await waitFor(() => upstream.ends[0]?.receivedBytes === 14, "PING is there");
    controller.abort();
    const givenUp = { ok: false, detail: "given up", inconclusive: true };
    expect(await checking).toEqual(givenUp);
    await waitFor(() => upstream.end(0).closed, "the connection is closed");
    expect(await check(upstream.address, {}, controller.signal)).toEqual(givenUp);
    expect(upstream.ends).toHaveLength(1);
  });

  test.skipIf(redisServer === null)(
    "the time in which this thread is held up is not the upstream's (needs redis-server)",
    async () => {
      await using redis = await startRedisServer();
      const checking = check(redis.address, { kind: "redis", timeoutMs: 250 });
      Bun.sleepSync(500);
      expect(await checking).toEqual({ ok: true, detail: "+PONG" });
    },
  );
});

describe("send-expect", () => {
  test("plays its steps in order", async () => {
    const heard: string[] = [];
    const upstream = listen((end) => {
      end.send(Buffer.from("220 hello\r\n"));
      end.onData = (self, data) => {
        heard.push(data.toString());
        self.send(Buffer.from(data.includes("QUIT") ? "221 bye\r\n" : "250 well\r\n"));
      };
    });
    const steps = [
      expectMatch("^220 "),
      sendText("EHLO ringway\r\n"),
      expectText("250"),
      expectMatch("well\\r\\n$"),
      sendText("QUIT\r\n"),
      expectText("221"),
    ];
    const found = await check(upstream.address, { kind: "send-expect", steps });
    expect(found).toEqual({ ok: true, detail: 'got "221 bye"' });
    expect(heard).toEqual(["EHLO ringway\r\n", "QUIT\r\n"]);
  });

  test("text that comes in pieces is found, an earlier answer is not", async () => {
    const pieces = listen((end) => {
      end.onData = (self) => {
        self.send(Buffer.from("+PO"));
        setTimeout(() => self.closed || self.send(Buffer.from("NG\r\n")), 5);
      };
    });
    const steps = [sendText("PING\r\n"), expectText("+PONG\r\n")];
    expect((await check(pieces.address, { kind: "send-expect", steps })).ok).toBe(true);
    const greeting = listen((end) => void end.send(Buffer.from("ready")));
    const twice = [expectText("ready"), sendText("again"), expectText("ready")];
    expect(
      await check(greeting.address, { kind: "send-expect", steps: twice, timeoutMs: 50 }),
    ).toEqual({ ok: false, detail: 'expected "ready", got "ready": nothing more within 50ms' });
  });

  test("an answer that would take too long to look through ends the check", async () => {
    // Each "a" could be the first of a match.
    const upstream = saying("ab".repeat(16_384), true);
    const steps = [expectMatch("a.{990}[cd]")];
    expect(await check(upstream.address, { kind: "send-expect", steps })).toEqual({
      ok: false,
      detail: 'expected a match of "a.{990}[cd]": looking for it in this answer takes too long',
    });
  });

  test("bytes of an upstream are shown as printable text only", async () => {
    const upstream = saying("\x1b[31m\u202e\\\0evil\nsecond line", true);
    const steps = [expectText("good")];
    const found = await check(upstream.address, { kind: "send-expect", steps, timeoutMs: 50 });
    expect(found.detail).toBe(
      'expected "good", got "\\x1b[31m\\xe2\\x80\\xae\\x5c\\x00evil": nothing more within 50ms',
    );
  });
});

describe("redis", () => {
  test("the embedded upstream is alive", async () => {
    using upstream = startEmbeddedUpstream();
    const { port } = upstream.address as { port: number };
    const found = await check({ kind: "tcp", host: "127.0.0.1", port }, { kind: "redis" });
    expect(found).toEqual({ ok: true, detail: "+PONG" });
  });

  test.each([
    ["-LOADING Redis is loading the dataset in memory\r\n", false, "expected +PONG, got"],
    ["-MASTERDOWN Link with MASTER is down\r\n", false, "expected +PONG, got"],
    ["-NOAUTH Authentication required.\r\n", true, "alive, but PING answered"],
    ["-NOPERM this user has no permissions\r\n", true, "alive, but PING answered"],
    ["-ERR max number of clients reached\r\n", false, "expected +PONG, got"],
    ["HTTP/1.1 400 Bad Request\r\n", false, "expected +PONG, got"],
  ])("%j", async (reply, ok, detail) => {
    const found = await check(saying(reply).address, { kind: "redis" });
    expect(found).toEqual({ ok, detail: `${detail} "${reply.trim().slice(0, 60)}"` });
  });

  test("a password is never shown, not even where the upstream sends it back", async () => {
    const echo = listen((end) => {
      end.onData = (self, data) => void self.send(Buffer.from(data));
    });
    const password = "sesam";
    expect(await check(echo.address, { kind: "redis", password })).toEqual({
      ok: false,
      detail: 'expected +OK, got "*2"',
    });
    const telling = saying("-ERR who says sesam?\r\n-ERR sesam\r\n");
    const found = await check(telling.address, { kind: "redis", password });
    expect(found.detail).not.toContain("sesam");
  });

  test.each([
    // As a Redis with a password, without one, and with one for other users only.
    ["-WRONGPASS invalid username-password pair", "-NOAUTH Authentication required."],
    ["-ERR AUTH called without any password configured", "+PONG"],
    ["-WRONGPASS invalid username-password pair", "-NOPERM no permissions"],
  ])("a password that is refused is told as what AUTH answered: %j, %j", async (login, pong) => {
    const upstream = saying(`${login}\r\n${pong}\r\n-NOAUTH Authentication required.\r\n`);
    const asked = { kind: "redis", password: "sesam" } as const;
    expect(await check(upstream.address, asked)).toEqual({
      ok: true,
      detail: `alive, but AUTH answered "${login}"`,
    });
    expect(await check(upstream.address, { ...asked, role: "primary" })).toEqual({
      ok: false,
      detail: `its role is unknown: AUTH answered "${login}"`,
    });
  });

  test("one that is taken is not what is told", async () => {
    const upstream = saying("+OK\r\n-NOPERM no permissions\r\n-NOPERM none\r\n");
    const asked = { kind: "redis", password: "sesam" } as const;
    expect((await check(upstream.address, asked)).detail).toBe(
      'alive, but PING answered "-NOPERM no permissions"',
    );
    expect((await check(upstream.address, { ...asked, role: "primary" })).detail).toBe(
      'its role is unknown: ROLE answered "-NOPERM none"',
    );
  });

  test.skipIf(redisServer === null)(
    "roles of a replication, and a fail-over (needs redis-server)",
    async () => {
      await using primary = await startRedisServer();
      const { port } = primary.address;
      await using replica = await startRedisServer("--replicaof", "127.0.0.1", String(port));
      const role = async (address: Address, wanted: "any" | "primary" | "replica") =>
        await check(address, { kind: "redis", role: wanted });
      expect(await role(primary.address, "any")).toEqual({ ok: true, detail: "+PONG" });
      expect(await role(primary.address, "primary")).toEqual({
        ok: true,
        detail: "+PONG, primary",
      });
      expect(await role(primary.address, "replica")).toEqual({
        ok: false,
        detail: 'expected a replica, its role is "primary"',
      });
      const isReplica = async () => (await role(replica.address, "replica")).ok;
      await until(isReplica, "the replica has its primary");
      expect(await role(replica.address, "primary")).toEqual({
        ok: false,
        detail: 'expected a primary, its role is "replica"',
      });
      const steps = [sendText("REPLICAOF NO ONE\r\n"), expectText("+OK")];
      await check(replica.address, { kind: "send-expect", steps });
      expect((await role(replica.address, "primary")).ok).toBe(true);
    },
  );

  test("a replica is well only while it is connected to its primary", async () => {
    const asked = { kind: "redis", role: "replica" } as const;
    const link = (state: string) =>
      `+PONG\r\n*5\r\n$5\r\nslave\r\n$8\r\n10.0.0.1\r\n:6379\r\n$${state.length}\r\n${state}\r\n:-1\r\n`;
    expect(await check(saying(link("connected")).address, asked)).toEqual({
      ok: true,
      detail: "+PONG, replica, connected",
    });
    for (const state of ["connect", "connecting", "handshake", "sync", "none", "unknown"]) {
      expect(await check(saying(link(state)).address, asked)).toEqual({
        ok: false,
        detail: `its link to the primary is "${state}", not connected`,
      });
    }
    // One that says nothing of its link is not known to have any.
    expect(await check(saying("+PONG\r\n*1\r\n$5\r\nslave\r\n").address, asked)).toEqual({
      ok: false,
      detail: "expected the state of its link to the primary, got none",
    });
  });

  test.skipIf(redisServer === null)(
    "a replica without its primary is down (needs redis-server)",
    async () => {
      await using primary = await startRedisServer();
      const { port } = primary.address;
      await using replica = await startRedisServer("--replicaof", "127.0.0.1", String(port));
      const asked = { kind: "redis", role: "replica" } as const;
      const isOk = async () => (await check(replica.address, asked)).ok;
      await until(isOk, "the replica has its primary");
      primary.process.kill("SIGKILL");
      await until(async () => !(await isOk()), "the replica has lost its primary");
      expect((await check(replica.address, asked)).detail).toMatch(
        /^its link to the primary is "(connect(ing)?|handshake)", not connected$/,
      );
    },
  );

  test.skipIf(redisServer === null)("passwords (needs redis-server)", async () => {
    await using redis = await startRedisServer("--requirepass", "sesam");
    const { address } = redis;
    const none = { kind: "redis" } as const;
    const locked = '"-NOAUTH Authentication required."';
    expect(await check(address, none)).toEqual({
      ok: true,
      detail: `alive, but PING answered ${locked}`,
    });
    expect(await check(address, { ...none, role: "primary" })).toEqual({
      ok: false,
      detail: `its role is unknown: ROLE answered ${locked}`,
    });
    const right = { ...none, password: "sesam" };
    expect(await check(address, right)).toEqual({ ok: true, detail: "+PONG" });
    expect(await check(address, { ...right, user: "default", role: "primary" })).toEqual({
      ok: true,
      detail: "+PONG, primary",
    });
    const wrong = await check(address, { ...right, password: "open" });
    expect(wrong).toMatchObject({ ok: true, detail: expect.stringContaining("WRONGPASS") });
    const unknown = await check(address, { ...right, password: "open", role: "primary" });
    expect(unknown).toMatchObject({ ok: false, detail: expect.stringContaining("WRONGPASS") });
  });

  test.skipIf(redisServer === null)("one that hangs (needs redis-server)", async () => {
    await using redis = await startRedisServer();
    redis.process.kill("SIGSTOP");
    expect(await check(redis.address, { kind: "redis", timeoutMs: 50 })).toEqual({
      ok: false,
      detail: "no answer within 50ms",
    });
    expect((await check(redis.address, {})).ok).toBe(true);
  });
});

describe("postgres", () => {
  /** An ErrorResponse, as version 3 of the protocol has it. */
  function error(code: string, message: string, type = "E"): Buffer {
    const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
    const size = Buffer.alloc(4);
    size.writeInt32BE(fields.length + 4);
    return Buffer.concat([Buffer.from(type), size, fields]);
  }
  const askPassword = Buffer.from([0x52, 0, 0, 0, 23, 0, 0, 0, 10]);

  test("is asked with a startup message, and left with FIN", async () => {
    const upstream = listen((end) => {
      end.keeps = true;
      end.onData = (self) => void self.send(askPassword);
    });
    expect(await check(upstream.address, { kind: "postgres", user: "ann" })).toEqual({
      ok: true,
      detail: "answers the startup",
    });
    const end = upstream.end(0);
    await waitFor(() => end.finAfterBytes !== -1, "FIN is there");
    const sent = Buffer.concat(end.chunks);
    expect(sent.readInt32BE(0)).toBe(sent.length);
    expect(sent.readInt32BE(4)).toBe(196_608);
    expect(sent.toString("latin1", 8)).toBe("user\0ann\0application_name\0ringway check\0\0");
  });

  test.each([
    ["28000", "no such role", true],
    ["53300", "sorry, too many clients already", true],
    ["57P03", "the database system is starting up", false],
    ["57P01", "terminating connection", false],
    ["57P02", "crash", false],
  ])("error %s", async (code, message, ok) => {
    const found = await check(saying(error(code, message)).address, { kind: "postgres" });
    expect(found).toEqual({ ok, detail: `${ok ? "alive:" : "error"} ${code} "${message}"` });
  });

  test("notices before the answer are passed over, in pieces too", async () => {
    const whole = Buffer.concat([error("00000", "a notice", "N"), askPassword]);
    const upstream = listen((end) => {
      let at = 0;
      const dribble = () => {
        if (at >= whole.length || end.closed) return;
        end.send(whole.subarray(at, ++at));
        setImmediate(dribble);
      };
      end.onData = dribble;
    });
    expect((await check(upstream.address, { kind: "postgres" })).ok).toBe(true);
  });

  test("an error from before version 3 is a failure", async () => {
    const found = await check(saying("Ecould not fork new process\0").address, {
      kind: "postgres",
    });
    expect(found.ok).toBe(false);
    expect(found.detail).toContain("could not fork");
  });

  test("what is no Postgres is told", async () => {
    const found = await check(saying("-ERR unknown command\r\n").address, { kind: "postgres" });
    expect(found).toEqual({
      ok: false,
      detail: 'expected a Postgres, got "-ERR unknown command"',
    });
  });
});

describe("http", () => {
  test("asks for the path at the host", async () => {
    const asked: string[] = [];
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        asked.push(`${request.method} ${request.url}`);
        return new Response("x".repeat(100_000), {
          status: request.url.includes("sick") ? 503 : 200,
        });
      },
    });
    const address: Address = { kind: "tcp", host: "127.0.0.1", port: server.port as number };
    expect(await check(address, { kind: "http" })).toEqual({
      ok: true,
      detail: '"HTTP/1.1 200 OK"',
    });
    const sick = { kind: "http", path: "/sick?x=1", host: "example.test" } as const;
    expect(await check(address, sick)).toEqual({
      ok: false,
      detail: 'expected status 200…399, got "HTTP/1.1 503 Service Unavailable"',
    });
    const wanted = { ...sick, status: { least: 503, most: 503 } };
    expect((await check(address, wanted)).ok).toBe(true);
    expect(asked.slice(0, 2)).toEqual([
      `GET http://127.0.0.1:${server.port}/`,
      "GET http://example.test/sick?x=1",
    ]);
    await server.stop(true);
  });

  test.each([
    ["HTTP/1.0 200 OK\r\n", true],
    ["HTTP/1.1 200\r\n", true],
    ["HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 500 Broken\r\n", false],
    ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", true],
    ["HTTP/1.1 2000 OK\r\n", false],
    ["HTTP/2 200\r\n", false],
    ["SSH-2.0-OpenSSH_9.9\r\n", false],
  ])("%j", async (answer, ok) => {
    const upstream = listen((end) => {
      end.onData = (self) => {
        self.send(Buffer.from(answer));
        self.finish();
      };
    });
    expect((await check(upstream.address, { kind: "http" })).ok).toBe(ok);
  });
});

test.if(linux)("no check leaves a descriptor behind", async () => {
  const kinds = ["tcp", "redis", "postgres", "http"] as const;
  const upstreams: Behaviour[] = [
    () => {},
    (end) => void end.finish(),
    (end) => void end.send(Buffer.alloc(300_000, "+PONG\r\n")),
    (end) => {
      end.onData = (self: End) => self.reset();
    },
  ];
  const addresses = upstreams.map((behaviour) => listen(behaviour).address);
  const before = openDescriptors();
  for (let round = 0; round < 5; round++) {
    await Promise.all(
      kinds.flatMap((kind) => addresses.map((address) => check(address, { kind, timeoutMs: 40 }))),
    );
  }
  for (const one of opened.splice(0)) one.close();
  await waitFor(
    () => descriptorsSince(before) === "",
    () => `descriptors are closed, and not ${descriptorsSince(before)}`,
  );
});

/** Waits until a check finds something, asking again and again. */
async function until(finds: () => Promise<boolean>, what: string): Promise<void> {
  let found = false;
  const asking = (async () => {
    for (const endAt = performance.now() + LIVENESS_MS; !found && performance.now() < endAt; ) {
      found = await finds();
    }
  })();
  await waitFor(() => found, what);
  await asking;
}
