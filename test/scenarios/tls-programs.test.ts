import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RedisClient } from "bun";
import { Redis } from "ioredis";
import { findProgram } from "../clients/programs.ts";
import { startRedis } from "../clients/redis-upstream.ts";
import { TlsClient } from "../clients/tls-client.ts";
import { authority, client, named, other, server } from "../fixtures/certificates.ts";
import { CliProcess } from "../fixtures/cli-process.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// Programs that others have written in front of a listener where TLS ends, and clients that mean no good.

setDefaultTimeout(60_000);

let folder = "";
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-tls-programs-"));
  for (const [name, one] of Object.entries({ authority, client, named, other, server })) {
    await writeFile(at(`${name}.pem`), one.cert);
    await writeFile(at(`${name}.key`), one.key);
  }
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

const pair = () => ["--tls-cert", at("server.pem"), "--tls-key", at("server.key")];

function start(port: number, ...more: string[]): CliProcess {
  const own = ["--listen", "127.0.0.1:0", "--upstream", `127.0.0.1:${port}`, "--stats", "none"];
  return new CliProcess([...own, "--access-log", "stdout", ...pair(), ...more]);
}

async function run(...command: string[]): Promise<string> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return out + err;
}

async function reasons(proxy: CliProcess): Promise<string[]> {
  const { out } = await proxy.stop();
  const lines = out.split("\n").filter((line) => line !== "");
  return lines.map((line) => (JSON.parse(line) as { reason: string }).reason);
}

describe("Redis behind", () => {
  test("ioredis and Bun's client speak TLS to it", async () => {
    await using redis = await startRedis();
    await using proxy = start(redis.port);
    const port = await proxy.port();
    const tls = { ca: authority.cert, servername: "localhost" };
    const io = new Redis({ host: "127.0.0.1", port, tls, lazyConnect: true });
    io.on("error", () => {});
    await io.connect();
    const large = Buffer.alloc(1_000_000, "x");
    expect(await io.set("large", large)).toBe("OK");
    expect(await io.getBuffer("large")).toEqual(large);
    const all = Array.from({ length: 500 }, (_, i) => io.set(`k${i}`, `v${i}`));
    expect(new Set(await Promise.all(all))).toEqual(new Set(["OK"]));
    io.disconnect();
    const bun = new RedisClient(`rediss://localhost:${port}`, { tls: { ca: authority.cert } });
    expect(await bun.get("k7")).toBe("v7");
    bun.close();
  });

  const cli = findProgram("redis-cli");
  test.skipIf(cli === null)("redis-cli --tls, and one that trusts another authority", async () => {
    await using redis = await startRedis();
    await using proxy = start(redis.port);
    const where = ["-h", "127.0.0.1", "-p", `${await proxy.port()}`, "--tls", "--sni", "localhost"];
    const ping = (ca: string) => run("redis-cli", ...where, "--cacert", at(ca), "ping");
    expect(await ping("authority.pem")).toBe("PONG\n");
    expect(await ping("other.pem")).toMatch(/SSL_connect failed|certificate verify failed/);
    expect(await ping("authority.pem")).toBe("PONG\n");
    expect(await reasons(proxy)).toContain("tls_handshake_failed");
  });
});

describe.skipIf(findProgram("curl") === null)("HTTP behind", () => {
  test("curl, by TLS 1.2 and 1.3, with and without its certificate", async () => {
    const http = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => new Response("hello\n"),
    });
    const asking = ["--tls-verify", "required", "--tls-ca", at("authority.pem")];
    await using proxy = start(http.port ?? 0, ...asking);
    const port = await proxy.port();
    const where = ["--connect-to", `localhost:443:127.0.0.1:${port}`, "https://localhost/"];
    const curl = (...more: string[]) =>
      run("curl", "-sS", "-m", "10", "--cacert", at("authority.pem"), ...more, ...where);
    const mine = ["--cert", at("client.pem"), "--key", at("client.key")];
    expect(await curl(...mine)).toBe("hello\n");
    expect(await curl(...mine, "--tls-max", "1.2")).toBe("hello\n");
    expect(await curl()).toMatch(/^curl: /);
    http.stop(true);
    expect((await reasons(proxy)).toSorted()).toContain("tls_no_certificate");
  });
});

describe.skipIf(findProgram("openssl") === null)("clients that mean no good", () => {
  async function talk(port: number, args: string[], input: string): Promise<string> {
    const child = Bun.spawn(
      [
        "openssl",
        "s_client",
        "-connect",
        `127.0.0.1:${port}`,
        "-CAfile",
        at("authority.pem"),
        ...args,
      ],
      { stdin: new Blob([input]), stdout: "pipe", stderr: "pipe" },
    );
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    await child.exited;
    return out + err;
  }

  test("old versions, weak suites, renegotiation and early data disturb nobody", async () => {
    const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
    const { port: to } = upstream.address as { port: number };
    await using proxy = start(to);
    const port = await proxy.port();
    const good = await TlsClient.open(port);
    for (const args of [
      ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"],
      ["-tls1_2", "-cipher", "NULL-SHA256:@SECLEVEL=0"],
      ["-tls1_2", "-cipher", "CAMELLIA128-SHA:@SECLEVEL=0"],
    ]) {
      expect(await talk(port, args, "")).toMatch(
        /alert|no ciphers|no protocols|Cipher is \(NONE\)/,
      );
    }
    // `R` asks for another handshake on the same connection.
    expect(await talk(port, ["-tls1_2"], "R\n")).toMatch(
      /RENEGOTIATING[\s\S]*(no renegotiation|error|errno)/,
    );
    await writeFile(at("early"), "too early");
    expect(await talk(port, ["-tls1_3", "-early_data", at("early")], "Q\n")).not.toMatch(
      /accepted/,
    );
    expect(await good.echo("still here")).toBe("still here");
    good.close();
    const counted = await reasons(proxy);
    expect(counted).toContain("tls_no_shared_version");
    expect(counted).toContain("tls_record_invalid");
    upstream.close();
  });

  test("hellos that drip, records that are too large, and clients that vanish are let go", async () => {
    const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
    const { port: to } = upstream.address as { port: number };
    await using proxy = start(to, "--tls-handshake-timeout", "1s");
    const port = await proxy.port();
    let closed = 0;
    const socket = { data() {}, close: () => void closed++ };
    const raw = () => Bun.connect({ hostname: "127.0.0.1", port, socket });
    const dripping = await Promise.all(Array.from({ length: 300 }, raw));
    const hello = Buffer.from("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "latin1");
    let sent = 0;
    const drip = setInterval(() => {
      for (const one of dripping) one.write(hello.subarray(sent % 11, (sent % 11) + 1));
      sent++;
    }, 100);
    const oversized = await raw();
    oversized.write(Buffer.from(`\x16\x03\x01\xff\xff${"\x01".repeat(70_000)}`, "latin1"));
    (await raw()).terminate();
    const good = await TlsClient.open(port);
    expect(await good.echo("served")).toBe("served");
    await waitFor(
      () => closed === 302,
      () => `all are let go, not ${closed}`,
    );
    clearInterval(drip);
    expect(await good.echo("still here")).toBe("still here");
    good.close();
    const counted = await reasons(proxy);
    expect(counted.filter((one) => one === "tls_handshake_timeout")).toHaveLength(300);
    expect(counted).toContain("tls_handshake_failed");
    upstream.close();
  });
});
