import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { findProgram } from "../clients/programs.ts";
import { authority, server } from "../fixtures/certificates.ts";
import { CliProcess } from "../fixtures/cli-process.ts";
import { Postgres, postgresPrograms } from "../fixtures/postgres.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";

// How Postgres' clients and servers ask for TLS, and what ringway answers.

setDefaultTimeout(60_000);

const psql = findProgram("psql");

let folder = "";
let upstream: Upstream;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-postgres-tls-"));
  upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
  await writeFile(at("authority.pem"), authority.cert);
  await writeFile(at("server.pem"), server.cert);
  await writeFile(at("server.key"), server.key);
});

afterAll(async () => {
  upstream.close();
  await rm(folder, { recursive: true });
});

const REQUEST = Buffer.from("0000000804d2162f", "hex");
const GSS_REQUEST = Buffer.from("0000000804d21630", "hex");
const CANCEL = Buffer.from("0000001004d2162e0000000100000002", "hex");
const STARTUP = Buffer.concat([Buffer.from("0000001000030000", "hex"), Buffer.from("user\0a\0\0")]);

const ending = () => ["--tls-cert", at("server.pem"), "--tls-key", at("server.key")];
const beginning = () => [
  ...["--upstream-tls", "on", "--upstream-start-tls", "postgres"],
  ...["--upstream-tls-ca", at("authority.pem")],
];

function flags(port: number, ...more: string[]): string[] {
  const where = ["--listen", "127.0.0.1:0", "--upstream", `127.0.0.1:${port}`];
  return [...where, "--access-log", "stdout", "--stats", "none", ...more];
}

function portOf({ address }: Upstream): number {
  return (address as { port: number }).port;
}

/** A client in plain that tells what comes. */
class Talk {
  private got = Buffer.alloc(0);
  private closed = false;
  private changed = Promise.withResolvers<void>();

  constructor(readonly socket: Socket) {
    const tell = () => {
      this.changed.resolve();
      this.changed = Promise.withResolvers();
    };
    socket.on("data", (data: Buffer) => {
      this.got = Buffer.concat([this.got, data]);
      tell();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
      tell();
    });
  }

  static async open(port: number): Promise<Talk> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = connect(port, "127.0.0.1", resolve);
    socket.once("error", reject);
    await promise;
    return new Talk(socket);
  }

  /** The next bytes. @returns fewer where it was closed */
  async take(size: number): Promise<Buffer> {
    while (this.got.length < size && !this.closed) await this.changed.promise;
    const taken = this.got.subarray(0, size);
    this.got = this.got.subarray(size);
    return taken;
  }

  async say(bytes: Uint8Array, size: number): Promise<Buffer> {
    this.socket.write(bytes);
    return await this.take(size);
  }
}

/** The same by TLS, on what is there or anew. */
async function secure(port: number, socket?: Socket, more: object = {}): Promise<Talk> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const to = socket === undefined ? { port, host: "127.0.0.1" } : { socket };
  const all = { ...to, ca: authority.cert, servername: "localhost", ...more };
  const secured = connectTls(all, resolve);
  secured.once("error", reject);
  await promise;
  return new Talk(secured);
}

describe("clients, where TLS ends", () => {
  const start = (...more: string[]) =>
    new CliProcess(flags(portOf(upstream), ...ending(), "--start-tls", "postgres", ...more));

  test.each([1, 3, 8])("a request in pieces of %i bytes, and then TLS", async (size) => {
    await using proxy = start();
    const port = await proxy.port();
    const raw = await Talk.open(port);
    for (let i = 0; i < 8; i += size) {
      raw.socket.write(REQUEST.subarray(i, i + size));
      await Bun.sleep(5);
    }
    expect(String(await raw.take(1))).toBe("S");
    raw.socket.removeAllListeners("data");
    const talk = await secure(port, raw.socket);
    expect(await talk.say(STARTUP, STARTUP.length)).toEqual(STARTUP);
    talk.socket.destroy();
  });

  test("TLS at once, with the protocol that Postgres' clients insist on", async () => {
    await using proxy = start();
    const talk = await secure(await proxy.port(), undefined, { ALPNProtocols: ["postgresql"] });
    expect((talk.socket as unknown as { alpnProtocol: string }).alpnProtocol).toBe("postgresql");
    expect(await talk.say(STARTUP, STARTUP.length)).toEqual(STARTUP);
    talk.socket.destroy();
  });

  test("GSS is declined, requests to cancel go on in plain, sessions in plain do not", async () => {
    await using proxy = start();
    const port = await proxy.port();
    const one = await Talk.open(port);
    expect(String(await one.say(GSS_REQUEST, 1))).toBe("N");
    expect(await one.say(CANCEL, CANCEL.length)).toEqual(CANCEL);
    one.socket.destroy();
    const other = await Talk.open(port);
    const answer = await other.say(STARTUP, 1_000);
    expect(answer.toString("latin1")).toMatch(/^E.*C28000\0M.*TLS/s);
    const { out } = await proxy.stop();
    expect(out).toContain('"reason":"tls_plain_text"');
  });

  test("a request while the upstream is down does not hang", async () => {
    const gone = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
    const dead = portOf(gone);
    gone.close();
    await using proxy = new CliProcess(flags(dead, ...ending(), "--start-tls", "postgres"));
    const port = await proxy.port();
    const raw = await Talk.open(port);
    expect(String(await raw.say(REQUEST, 1))).toBe("S");
    const talk = await secure(port, raw.socket);
    expect((await talk.say(STARTUP, 1)).length).toBe(0);
    const { out } = await proxy.stop();
    expect(out).toContain('"reason":"connect_refused"');
  });

  test("who asks and says no more is not waited for", async () => {
    await using proxy = start("--tls-handshake-timeout", "200ms");
    const port = await proxy.port();
    const asked = await Talk.open(port);
    expect(String(await asked.say(REQUEST, 1))).toBe("S");
    const silent = await Talk.open(port);
    expect((await asked.take(1)).length).toBe(0);
    expect((await silent.take(1)).length).toBe(0);
    const { out } = await proxy.stop();
    expect(out.match(/"reason":"tls_handshake_timeout"/g)).toHaveLength(2);
  });
});

test.each(["sockets", "auto"])("engine %s: where no TLS ends, it is declined", async (engine) => {
  const all = flags(portOf(upstream), "--start-tls", "postgres", "--engine", engine);
  await using proxy = new CliProcess(all);
  const talk = await Talk.open(await proxy.port());
  expect(String(await talk.say(Buffer.concat([GSS_REQUEST, REQUEST]), 2))).toBe("NN");
  expect(await talk.say(STARTUP, STARTUP.length)).toEqual(STARTUP);
  talk.socket.destroy();
});

test.each([
  ["N", "it has no TLS"],
  ["E", "it does not know the request for TLS"],
  ["Sx", "it sent more than an answer to the request for TLS"],
])("an upstream that answers %s", async (answer, words) => {
  const door = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, (end) => {
    end.onData = (self) => void self.send(Buffer.from(answer));
  });
  await using proxy = new CliProcess(flags(portOf(door), ...beginning()));
  const talk = await Talk.open(await proxy.port());
  expect((await talk.say(STARTUP, 1)).length).toBe(0);
  await proxy.logged(new RegExp(`upstream_tls_failed \\(${words}\\)`));
  door.close();
});

describe.skipIf(psql === null || postgresPrograms === null)("PostgreSQL", () => {
  async function query(port: number, mode: string, more = ""): Promise<string> {
    const target = `host=localhost port=${port} user=postgres dbname=postgres sslmode=${mode} ${more}`;
    const asked = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    const child = Bun.spawn([psql as string, "-At", "-c", asked, target], {
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return (out + err).trim();
  }

  test("psql gets through, with TLS at either end, at both, and at none", async () => {
    await using database = await Postgres.start(server, true);
    const { port } = database;
    const checked = ["--check", "postgres", "--check-interval", "100ms"];
    const trusted = `sslrootcert=${at("authority.pem")}`;
    {
      await using proxy = new CliProcess(flags(port, ...beginning(), ...checked));
      const listened = await proxy.port();
      // The server knows nobody without TLS, and the client speaks none.
      expect(await query(listened, "disable")).toBe("t");
    }
    {
      const all = [...beginning(), ...ending(), "--start-tls", "postgres", ...checked];
      await using proxy = new CliProcess(flags(port, ...all));
      const listened = await proxy.port();
      expect(await query(listened, "verify-full", trusted)).toBe("t");
      expect(await query(listened, "prefer")).toBe("t");
      expect(await query(listened, "disable")).toContain("takes connections with TLS alone");
    }
    {
      // Nothing of it is looked at: client and server speak TLS with each other.
      await using proxy = new CliProcess(flags(port));
      expect(await query(await proxy.port(), "verify-full", trusted)).toBe("t");
      expect(await query(await proxy.port(), "disable")).toContain("no pg_hba.conf entry");
    }
  });
});
