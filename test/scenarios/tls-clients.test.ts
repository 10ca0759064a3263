import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "../clients/programs.ts";
import { TlsClient } from "../clients/tls-client.ts";
import {
  authority,
  client,
  other,
  server,
  type TestCertificate,
} from "../fixtures/certificates.ts";
import { CliProcess, runCli } from "../fixtures/cli-process.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// Clients whose TLS ends here: a running program, and clients and tools that others have written.

setDefaultTimeout(30_000);

const openssl = findProgram("openssl");
const curl = findProgram("curl");

let folder = "";
let upstream: Upstream;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-tls-"));
  upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
  for (const [name, one] of Object.entries({ authority, client, other, server })) {
    await write(name, one);
  }
});

afterAll(async () => {
  upstream.close();
  await rm(folder, { recursive: true });
});

async function write(name: string, { cert, key }: TestCertificate): Promise<void> {
  await writeFile(at(`${name}.pem`), cert);
  await writeFile(at(`${name}.key`), key);
}

/** A certificate for these names that the authority has signed. */
async function issue(name: string, ...names: string[]): Promise<void> {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${names.join(",DNS:")}`];
  const signer = ["-CA", at("authority.pem"), "-CAkey", at("authority.key"), "-days", "30"];
  const files = ["-keyout", at(`${name}.key`), "-out", at(`${name}.csr`)];
  await run("openssl", "req", ...key, ...subject, ...files);
  const copied = ["-copy_extensions", "copy", "-CAcreateserial", "-out", at(`${name}.pem`)];
  await run("openssl", "x509", "-req", "-in", at(`${name}.csr`), ...signer, ...copied);
}

async function run(...command: string[]): Promise<{ code: number; text: string }> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, text: out + err };
}

/** The flags of a proxy that ends TLS in front of the upstream. */
function flags(...more: string[]): string[] {
  const { port } = upstream.address as { port: number };
  return [
    ...["--listen", "127.0.0.1:0", "--upstream", `127.0.0.1:${port}`],
    ...["--access-log", "stdout", "--stats", "none", ...more],
  ];
}

const simple = () => ["--tls-cert", at("server.pem"), "--tls-key", at("server.key")];

/** What the access log says of the relays, in the order of their ends. */
async function lines(proxy: CliProcess): Promise<Record<string, unknown>[]> {
  const { code, err, out } = await proxy.stop();
  if (code !== 0) throw new Error(err);
  return out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** What a client gets that is not to come in. */
async function refused(open: Promise<TlsClient>): Promise<void> {
  try {
    const one = await open;
    // With TLS 1.3 a client is through before the server has looked at its certificate.
    await one.ended();
    one.close();
  } catch {}
}

describe.each([1, 2])("%p workers", (workers) => {
  test("plain text goes to the upstream, and what was agreed on is in the log", async () => {
    await using proxy = new CliProcess(
      flags(...simple(), "--workers", `${workers}`, "--tls-alpn", "h2,echo/1"),
    );
    const port = await proxy.port();
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const one = await TlsClient.open(port, { maxVersion, ALPNProtocols: ["x", "echo/1"] });
      expect(one.socket.alpnProtocol).toBe("echo/1");
      expect(await one.echo("hello")).toBe("hello");
      one.close();
    }
    await waitFor(() => upstream.ends.every((end) => end.closed), "both are over");
    const logged = await lines(proxy);
    expect(logged).toHaveLength(2);
    expect(logged.map(({ tlsVersion }) => tlsVersion).toSorted()).toEqual(["1.2", "1.3"]);
    for (const line of logged) {
      expect(line).toMatchObject({ tlsName: "localhost", tlsAlpn: "echo/1", upBytes: 5 });
      expect(line).toMatchObject({ downBytes: 5, tlsResumed: false, tlsClient: null });
    }
  });

  test("behind a PROXY header, whatever the pieces are", async () => {
    await using proxy = new CliProcess(
      flags(...simple(), "--workers", `${workers}`, "--proxy-protocol", "required"),
    );
    const port = await proxy.port();
    const preamble = "PROXY TCP4 192.0.2.7 192.0.2.8 4711 443\r\n";
    const one = await TlsClient.open(port, { preamble });
    expect(await one.echo("x".repeat(200_000))).toHaveLength(200_000);
    one.close();
    await waitFor(() => upstream.ends.every((end) => end.closed), "it is over");
    const [line] = await lines(proxy);
    expect(line).toMatchObject({ client: "192.0.2.7:4711", tlsVersion: "1.3", upBytes: 200_000 });
  });
});

test("a half-close goes through in both directions", async () => {
  const late = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, (end) => {
    end.onFin = (self) => {
      void self.send(Buffer.from("last words"));
      void self.finish();
    };
  });
  const { port: to } = late.address as { port: number };
  const own = flags(...simple()).map((one, i, all) =>
    all[i - 1] === "--upstream" ? `127.0.0.1:${to}` : one,
  );
  await using proxy = new CliProcess(own);
  const one = await TlsClient.open(await proxy.port());
  let text = "";
  one.socket.on("data", (bytes: Buffer) => {
    text += bytes.toString();
  });
  one.socket.end();
  await one.ended();
  await waitFor(
    () => text === "last words",
    () => `the answer has come, not ${text}`,
  );
  late.close();
});

describe("who fails", () => {
  test.each([
    ["tls_plain_text", "GET / HTTP/1.0\r\n\r\n"],
    ["tls_plain_text", "PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\n"],
    ["tls_handshake_failed", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"],
    ["tls_handshake_timeout", "\x16\x03\x01"],
    ["tls_handshake_timeout", ""],
  ])("%s: %j", async (reason, text) => {
    await using proxy = new CliProcess(flags(...simple(), "--tls-handshake-timeout", "200ms"));
    const port = await proxy.port();
    const closed = Promise.withResolvers<void>();
    const raw = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: { data() {}, close: () => closed.resolve() },
    });
    raw.write(Buffer.from(text, "latin1"));
    await closed.promise;
    expect(await lines(proxy)).toMatchObject([{ reason, upBytes: 0, tries: 0, tlsVersion: null }]);
  });

  test.skipIf(openssl === null)(
    "tls_no_shared_version: TLS 1.2 where 1.3 is asked for",
    async () => {
      await using proxy = new CliProcess(flags(...simple(), "--tls-min-version", "1.3"));
      const where = `127.0.0.1:${await proxy.port()}`;
      const { text } = await run("openssl", "s_client", "-connect", where, "-tls1_2");
      expect(text).toMatch(/alert protocol version/);
      expect(await lines(proxy)).toMatchObject([{ reason: "tls_no_shared_version" }]);
    },
  );

  test("a client that does not trust the certificate is counted, and disturbs nobody", async () => {
    await using proxy = new CliProcess(flags(...simple()));
    const port = await proxy.port();
    const good = await TlsClient.open(port);
    await expect(TlsClient.open(port, { ca: other.cert })).rejects.toThrow();
    expect(await good.echo("still here")).toBe("still here");
    good.close();
    const reasons = (await lines(proxy)).map(({ reason }) => reason);
    expect(reasons).toContain("tls_handshake_failed");
  });
});

describe.skipIf(openssl === null)("certificates by name", () => {
  beforeAll(async () => {
    await issue("a.test", "a.test");
    await issue("wild.test", "*.wild.test", "wild.test");
    await issue("fallback.test", "fallback.test");
  });

  test("an exact name before a wildcard, and the first one for all others", async () => {
    const pairs = ["fallback.test", "wild.test", "a.test"].map(
      (one) => `${at(one)}.pem+${at(one)}.key`,
    );
    await using proxy = new CliProcess(flags("--tls-certificates", pairs.join(",")));
    const port = await proxy.port();
    const shown = async (servername: string) => {
      const one = await TlsClient.open(port, { servername, checkServerIdentity: () => undefined });
      const name = one.shown;
      one.close();
      return name;
    };
    expect(await shown("a.test")).toBe("a.test");
    expect(await shown("A.TEST")).toBe("a.test");
    expect(await shown("x.wild.test")).toBe("wild.test");
    expect(await shown("x.y.wild.test")).toBe("fallback.test");
    expect(await shown("nobody.test")).toBe("fallback.test");
    expect(await shown("")).toBe("fallback.test");
  });

  test("a reload shows new clients the new one, and an old connection goes on; a broken one is refused", async () => {
    await copyFile(at("a.test.pem"), at("now.pem"));
    await copyFile(at("a.test.key"), at("now.key"));
    const file = at("ringway.toml");
    const { port: to } = upstream.address as { port: number };
    await writeFile(
      file,
      `listen = "127.0.0.1:0"\nupstream = "127.0.0.1:${to}"\ntlsCert = "${at("now.pem")}"\n` +
        `tlsKey = "${at("now.key")}"\n`,
    );
    await using proxy = new CliProcess(["-c", file]);
    const port = await proxy.port();
    const free = { checkServerIdentity: () => undefined };
    const old = await TlsClient.open(port, free);
    expect(old.shown).toBe("a.test");

    await rename(at("wild.test.key"), at("now.key"));
    proxy.child.kill("SIGHUP");
    await proxy.logged(/is not the key of tlsCert/);
    const meanwhile = await TlsClient.open(port, free);
    expect(meanwhile.shown).toBe("a.test");

    await rename(at("wild.test.pem"), at("now.pem"));
    proxy.child.kill("SIGHUP");
    await proxy.logged(/SIGHUP: .*(applied|reloaded)/);
    await waitFor(async () => {
      const one = await TlsClient.open(port, free);
      const name = one.shown;
      one.close();
      return name === "wild.test";
    }, "new clients are shown the new certificate");
    expect(await old.echo("still here")).toBe("still here");
    expect(await meanwhile.echo("still here")).toBe("still here");
    for (const one of [old, meanwhile]) one.close();
  });

  test.skipIf(curl === null)("curl and openssl s_client are served", async () => {
    await using proxy = new CliProcess(flags(...simple()));
    const port = await proxy.port();
    const where = ["--connect-to", `localhost:443:127.0.0.1:${port}`, "https://localhost/"];
    // The upstream sends the request back, which is no answer of HTTP; TLS was right all the same.
    const { text } = await run(
      "curl",
      "-v",
      "--http0.9",
      "-m",
      "5",
      "--cacert",
      at("authority.pem"),
      ...where,
    );
    expect(text).toMatch(/SSL certificate verify ok/);
    const { text: other_ } = await run(
      ...["openssl", "s_client", "-connect", `127.0.0.1:${port}`, "-verify_return_error"],
      ...["-CAfile", at("authority.pem"), "-servername", "localhost"],
    );
    expect(other_).toMatch(/Verify return code: 0 \(ok\)/);
  });
});

describe("clients' certificates", () => {
  const asking = (...more: string[]) =>
    flags(...simple(), "--tls-ca", at("authority.pem"), "--tls-verify", ...more);

  test("required: who shows none, or a wrong one, is turned away with a reason", async () => {
    await using proxy = new CliProcess(asking("required"));
    const port = await proxy.port();
    const good = await TlsClient.open(port, client);
    expect(await good.echo("hello")).toBe("hello");
    good.close();
    await refused(TlsClient.open(port));
    await refused(TlsClient.open(port, other));
    const logged = await lines(proxy);
    const reasons = logged.map(({ reason }) => reason);
    expect(reasons).toContain("tls_no_certificate");
    expect(reasons).toContain("tls_client_rejected");
    expect(logged.filter(({ upBytes }) => upBytes !== 0)).toHaveLength(1);
    expect(logged.find(({ upBytes }) => upBytes !== 0)?.tlsClient).toEqual(expect.any(String));
  });

  test("optional: none is all right, a wrong one is not", async () => {
    await using proxy = new CliProcess(asking("optional"));
    const port = await proxy.port();
    const without = await TlsClient.open(port);
    expect(await without.echo("hello")).toBe("hello");
    without.close();
    await refused(TlsClient.open(port, other));
    const reasons = (await lines(proxy)).map(({ reason }) => reason);
    expect(reasons).toContain("tls_client_rejected");
  });

  test("allowed names: others of the same authority are turned away", async () => {
    await using proxy = new CliProcess(
      asking("required", "--tls-allow", "no-such-name,*.nobody.test"),
    );
    const port = await proxy.port();
    await refused(TlsClient.open(port, client));
    expect(await lines(proxy)).toMatchObject([{ reason: "tls_client_rejected" }]);
  });

  test("a resumed session does not skip the check under another name, or of other authorities", async () => {
    await using proxy = new CliProcess(asking("required"));
    const port = await proxy.port();
    const first = await TlsClient.open(port, client);
    await first.echo("hello");
    await waitFor(() => first.session !== null, "a session was given");
    const { session } = first;
    first.close();
    if (session === null) throw new Error("no session");
    await using stricter = new CliProcess(
      flags(...simple(), "--tls-ca", at("other.pem"), "--tls-verify", "required"),
    );
    await refused(TlsClient.open(await stricter.port(), { session }));
    expect(await lines(stricter)).toMatchObject([{ reason: "tls_no_certificate" }]);
    const again = await TlsClient.open(port, { session, servername: "up.example" });
    const outcome = await again.echo("hello").catch(() => "refused");
    // Either it is the same client by the session, or it is nobody and turned away.
    if (outcome === "hello") expect(again.socket.isSessionReused()).toBe(true);
    again.close();
    const logged = await lines(proxy);
    for (const line of logged.filter(({ upBytes }) => upBytes !== 0)) {
      expect(line.tlsClient).toEqual(expect.any(String));
    }
  });
});

describe("what contradicts itself ends the start", () => {
  test.each([
    [["--tls-cert", "server.pem"], /--tls-cert needs tlsKey/],
    [["--tls-key", "server.key"], /--tls-key needs tlsCert/],
    [["--tls-cert", "server.pem", "--tls-key", "other.key"], /is not the key of/],
    [["--tls-cert", "missing.pem", "--tls-key", "server.key"], /cannot be read/],
    [["--tls-cert", "server.key", "--tls-key", "server.key"], /has no certificate/],
    [["--tls-verify", "required"], /--tls-verify needs tlsCert/],
    [
      ["--tls-cert", "server.pem", "--tls-key", "server.key", "--tls-verify", "required"],
      /--tls-verify needs tlsCa/,
    ],
    [
      ["--tls-cert", "server.pem", "--tls-key", "server.key", "--tls-ciphers", "NONSENSE"],
      /cipher suites/,
    ],
  ])("%p", async (given, why) => {
    const own = given.map((one) => (/\.(pem|key)$/.test(one) ? at(one) : one));
    const { code, err } = await runCli(...flags(...own));
    expect(code).toBe(2);
    expect(err).toMatch(why);
    expect(err).not.toContain("PRIVATE");
  });
});
