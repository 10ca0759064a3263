import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  checkOptions,
  probeOnce,
  redisServer,
  startRedisServer,
} from "../../src/upstream/health/test-redis.ts";
import { TlsUpstream, tlsOptions } from "../../src/upstream/health/test-tls.ts";
import { findProgram, freePort, startOnFreePort } from "../clients/programs.ts";
import { authority, client, expired, other, server } from "../fixtures/certificates.ts";
import { CliProcess, runCli } from "../fixtures/cli-process.ts";

// Checks by TLS of a running program, and of upstreams that others have written.

setDefaultTimeout(30_000);

const openssl = findProgram("openssl");

let folder = "";
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-check-tls-"));
  for (const [name, one] of Object.entries({ authority, client, expired, server })) {
    await writeFile(at(`${name}.pem`), one.cert);
    await writeFile(at(`${name}.key`), one.key);
  }
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

test("a reload reads the authorities anew, and nothing changes when they cannot be read", async () => {
  const upstream = await TlsUpstream.saying("+PONG\r\n");
  const ca = at("ca.pem");
  await writeFile(ca, other.cert);
  const file = at("ringway.toml");
  const settings = [
    'listen = "127.0.0.1:0"',
    `upstream = "127.0.0.1:${upstream.address.port}"`,
    'check = "redis"',
    'checkInterval = "100ms"',
    "checkTls = true",
    `checkTlsCa = "${ca}"`,
  ];
  await writeFile(file, settings.join("\n"));
  await using proxy = new CliProcess(["-c", file, "-e", "sockets"]);
  await proxy.logged(
    /is down: a check failed: TLS: its certificate is signed by an unknown authority/,
  );

  await writeFile(ca, "rubbish");
  proxy.child.kill("SIGHUP");
  await proxy.logged(/reload: .*checkTlsCa ".*ca\.pem": has no certificate \(PEM\)/);
  await proxy.logged(/SIGHUP: the new configuration is not applied, the old one stays/);

  await writeFile(ca, authority.cert);
  proxy.child.kill("SIGHUP");
  await proxy.logged(/is up: 2 checks succeeded: \+PONG/);
  upstream.close();
  expect((await proxy.stop()).code).toBe(0);
});

test("flags: what is wrong with a file ends the start", async () => {
  const flags = ["-u", "127.0.0.1:1", "--check", "tcp", "--check-tls", "on"];
  const { code, err } = await runCli(...flags, "--check-tls-ca", at("nothing.pem"));
  expect(code).toBe(2);
  expect(err).toMatch(/--check-tls-ca ".*nothing\.pem": cannot be read: there is no such file/);
});

describe.skipIf(redisServer === null)("redis-server", () => {
  const files = () => [
    ...["--tls-cert-file", at("server.pem"), "--tls-key-file", at("server.key")],
    ...["--tls-ca-cert-file", at("authority.pem")],
  ];

  test("by TLS (needs redis-server with TLS)", async () => {
    const port = freePort();
    await using plainly = await startRedisServer(
      ...["--tls-port", String(port), "--requirepass", "sesam", ...files()],
    );
    const address = { kind: "tcp", host: "localhost", port } as const;
    const { cert, key } = client;
    const redis = { kind: "redis", role: "primary", password: "sesam" } as const;
    const ask = (tls: Parameters<typeof tlsOptions>[0]) =>
      probeOnce(address, checkOptions({ ...redis, tls: tlsOptions(tls) }));
    expect(await ask({ identity: { cert, key } })).toMatchObject({
      ok: true,
      detail: "+PONG, primary",
    });
    // It wants to see a certificate, and says so after the handshake.
    expect((await ask({})).detail).toContain("ALERT_CERTIFICATE_REQUIRED");
    expect((await ask({ ca: other.cert })).detail).toBe(
      "TLS: its certificate is signed by an unknown authority",
    );
    // The port that has no TLS waits for the end of a command.
    const hasty = checkOptions({ ...redis, timeoutMs: 200, tls: tlsOptions() });
    expect((await probeOnce(plainly.address, hasty)).detail).toBe("TLS: no handshake within 200ms");
  });
});

describe.skipIf(openssl === null)("openssl s_server", () => {
  test.each(["-tls1_3", "-tls1_2"])("%s, with a proper end (needs openssl)", async (version) => {
    await using shown = await startOpenssl("server", [version, "-state"]);
    expect(await checked(shown.port)).toMatchObject({ ok: true, detail: "connected" });
    // It tells of what it reads by and by.
    let told = "";
    for await (const chunk of shown.stderr) {
      told += Buffer.from(chunk).toString();
      if (told.includes("alert read:warning:close notify")) break;
    }
    expect(told).toContain("alert read:warning:close notify");
  });

  test("an expired certificate (needs openssl)", async () => {
    await using shown = await startOpenssl("expired", []);
    expect(await checked(shown.port)).toMatchObject({
      ok: false,
      detail: "TLS: its certificate has expired",
    });
  });

  async function checked(port: number) {
    const address = { kind: "tcp", host: "127.0.0.1", port } as const;
    return await probeOnce(address, checkOptions({ tls: tlsOptions() }));
  }

  async function startOpenssl(name: string, more: readonly string[]) {
    const command = (port: number) => [
      ...[openssl as string, "s_server", "-rev", "-quiet", "-accept", `127.0.0.1:${port}`],
      ...["-cert", at(`${name}.pem`), "-key", at(`${name}.key`), ...more],
    ];
    const answers = async (port: number) =>
      (await probeOnce({ kind: "tcp", host: "127.0.0.1", port }, checkOptions())).ok;
    const { child, port } = await startOnFreePort(command, answers);
    return {
      port,
      stderr: child.stderr,
      async [Symbol.asyncDispose]() {
        child.kill("SIGKILL");
        await child.exited;
      },
    };
  }
});
