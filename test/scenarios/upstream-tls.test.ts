import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { redisServer, startRedisServer } from "../../src/upstream/health/test-redis.ts";
import { TlsUpstream } from "../../src/upstream/health/test-tls.ts";
import { findProgram, freePort, startOnFreePort } from "../clients/programs.ts";
import {
  alone,
  authority,
  client,
  expired,
  named,
  other,
  server,
  type TestCertificate,
} from "../fixtures/certificates.ts";
import { CliProcess, runCli } from "../fixtures/cli-process.ts";
import { waitFor } from "../fixtures/wait.ts";

// TLS that begins here: a running program, and upstreams that others have written.

setDefaultTimeout(30_000);

const openssl = findProgram("openssl");
const redisCli = findProgram("redis-cli");

let folder = "";
const at = (name: string) => join(folder, name);
const closers: (() => void)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-upstream-tls-"));
  for (const [name, one] of Object.entries({ authority, client, server })) {
    await writeFile(at(`${name}.pem`), one.cert);
    await writeFile(at(`${name}.key`), one.key);
  }
});

afterAll(async () => {
  for (const close of closers) close();
  await rm(folder, { recursive: true });
});

/** An upstream with TLS that says its name behind what it was sent. */
async function speaking(name: string, certificate: TestCertificate = server): Promise<number> {
  const one = await TlsUpstream.listen((socket) => {
    socket.on("data", (data) => socket.write(`${name}:${data}`));
  }, certificate);
  closers.push(() => one.close());
  return one.address.port;
}

/** A server in plain. */
async function plain(serve: (socket: Socket) => void): Promise<number> {
  const one: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    serve(socket);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  one.listen(0, "127.0.0.1", resolve);
  await promise;
  closers.push(() => void one.close());
  return (one.address() as { port: number }).port;
}

/** What a client gets for a line: the answer, or nothing when it is closed without one. */
async function ask(port: number, text = "hi"): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const one = connect(port, "127.0.0.1", () => one.write(text));
  one.once("data", (data) => {
    one.destroy();
    resolve(data.toString());
  });
  one.on("error", () => resolve(""));
  one.on("close", () => resolve(""));
  return await promise;
}

function flags(upstreams: readonly (number | string)[], ...more: string[]): string[] {
  const places = upstreams.flatMap((one) => [
    "--upstream",
    typeof one === "number" ? `localhost:${one}` : one,
  ]);
  return [
    ...["--listen", "127.0.0.1:0", ...places, "--upstream-tls", "on"],
    ...["--upstream-tls-ca", at("authority.pem"), "--access-log", "stdout", "--stats", "none"],
    ...more,
  ];
}

/** What the access log says of the relays, in the order of their ends. */
async function lines(proxy: CliProcess): Promise<Record<string, unknown>[]> {
  const { code, err, out } = await proxy.stop();
  if (code !== 0) throw new Error(err);
  return out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe.each([1, 2])("%p workers", (workers) => {
  test("clients in plain get to an upstream with TLS, and handshakes are resumed", async () => {
    const upstream = await TlsUpstream.listen((socket) => {
      socket.on("data", () => socket.write(String(socket.isSessionReused())));
    });
    const many = ["--workers", String(workers)];
    await using proxy = new CliProcess(flags([upstream.address.port], ...many));
    const port = await proxy.port();
    const answers: string[] = [];
    for (let i = 0; i < 12; i++) answers.push(await ask(port));
    expect(answers[0]).toBe("false");
    // Each worker has sessions of its own.
    expect(answers.filter((one) => one === "true").length).toBeGreaterThanOrEqual(12 - 2 * workers);
    expect(upstream.names[0]).toBe("localhost");
    upstream.close();
    expect(await lines(proxy)).toHaveLength(12);
  });
});

describe("a handshake that fails", () => {
  const bad: [string, () => Promise<number>, string][] = [
    ["expired", () => speaking("bad", expired), "its certificate has expired"],
    ["another name", () => speaking("bad", named), "its certificate is not for localhost"],
    [
      "an unknown authority",
      () => speaking("bad", other),
      "its certificate is (self-signed|signed by an unknown authority)",
    ],
    [
      "signed by itself",
      () => speaking("bad", alone),
      "its certificate is (self-signed|signed by an unknown authority)",
    ],
    [
      "no TLS at all",
      () => plain((socket) => socket.on("data", () => socket.write("-ERR what?\r\n"))),
      "it does not speak TLS",
    ],
    [
      "a FIN in the middle",
      () => plain((socket) => socket.on("data", () => socket.end())),
      "it closed the connection",
    ],
    [
      "a reset in the middle",
      () => plain((socket) => socket.on("data", () => socket.resetAndDestroy())),
      "it closed the connection",
    ],
  ];
  test.each(bad)("%s: the next upstream is taken", async (_, make, words) => {
    const upstreams = [await make(), await speaking("good")];
    await using proxy = new CliProcess(flags(upstreams, "--balance", "first"));
    const port = await proxy.port();
    expect(await ask(port)).toBe("good:hi");
    await proxy.logged(new RegExp(`a dial failed: upstream_tls_failed \\(${words}\\)`));
    const [relay] = await lines(proxy);
    expect(relay).toMatchObject({ tries: 2, upstream: `localhost:${upstreams[1]}` });
  });

  test.each(["off", "v2"])("PROXY header %s: that is why the relay ends", async (version) => {
    const port = await speaking("bad", expired);
    await using proxy = new CliProcess(flags([port], "--send-proxy-protocol", version));
    expect(await ask(await proxy.port())).toBe("");
    expect(await lines(proxy)).toMatchObject([{ reason: "upstream_tls_failed" }]);
  });

  test("one that does not go on counts to the connect timeout", async () => {
    const upstreams = [await plain(() => {}), await speaking("good")];
    const hasty = ["--balance", "first", "--connect-timeout", "200ms"];
    await using proxy = new CliProcess(flags(upstreams, ...hasty));
    expect(await ask(await proxy.port())).toBe("good:hi");
    await proxy.logged(/a dial failed: connect_timeout \(after 200 ms\)/);
  });

  test("with upstreamTlsVerify off any certificate will do", async () => {
    const port = await speaking("odd", expired);
    const lax = ["--upstream", `localhost:${port}`, "--upstream-tls", "on"];
    await using proxy = new CliProcess([
      ...["--listen", "127.0.0.1:0", "--stats", "none", ...lax],
      ...["--upstream-tls-verify", "off", "--upstream-tls-name", "whatever.example"],
    ]);
    expect(await ask(await proxy.port())).toBe("odd:hi");
  });
});

test("upstreams are checked by the same TLS", async () => {
  const upstreams = [await speaking("bad", expired), await speaking("+PONG\r\n")];
  const checked = ["--check", "redis", "--check-interval", "100ms", "--balance", "first"];
  await using proxy = new CliProcess(flags(upstreams, ...checked));
  const port = await proxy.port();
  await proxy.logged(/is down: a check failed: TLS: its certificate has expired/);
  expect(await ask(port)).toBe("+PONG\r\n:hi");
  expect(await lines(proxy)).toMatchObject([{ tries: 1 }]);
});

test("a client that leaves in the middle of a handshake leaves nothing open", async () => {
  let begun = 0;
  let ended = 0;
  const upstream = await plain((socket) => {
    socket.once("data", () => begun++);
    socket.on("end", () => ended++);
  });
  await using proxy = new CliProcess(flags([upstream]));
  const port = await proxy.port();
  for (let i = 0; i < 5; i++) {
    const one = connect(port, "127.0.0.1");
    await waitFor(() => begun === i + 1, "its handshake has begun");
    one.resetAndDestroy();
  }
  await waitFor(() => ended === 5, "all are gone");
  expect(await lines(proxy)).toHaveLength(5);
});

test("a PROXY header goes before TLS", async () => {
  const behind = await speaking("good");
  let first = "";
  const port = await plain((socket) => {
    socket.once("data", (data: Buffer) => {
      // What comes next is for the one behind it.
      socket.pause();
      const size = data.indexOf("\r\n") + 2;
      first = data.subarray(0, size).toString();
      const on = connect(behind, "127.0.0.1", () => {
        if (data.length > size) on.write(data.subarray(size));
        socket.pipe(on).pipe(socket);
      });
      on.on("error", () => {});
    });
  });
  await using proxy = new CliProcess(flags([port], "--send-proxy-protocol", "v1"));
  expect(await ask(await proxy.port())).toBe("good:hi");
  expect(first).toMatch(/^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n$/);
});

test("a FIN travels both ways, behind the last byte", async () => {
  const upstream = await TlsUpstream.listen(
    (socket) => {
      let got = "";
      socket.on("data", (data) => {
        got += data;
      });
      socket.on("end", () => socket.end(`late ${got}`));
    },
    { allowHalfOpen: true } as never,
  );
  await using proxy = new CliProcess(flags([upstream.address.port]));
  const port = await proxy.port();
  const { promise, resolve } = Promise.withResolvers<string>();
  let answer = "";
  const one = connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () => one.end("words"));
  one.on("data", (data) => {
    answer += data;
  });
  one.on("end", () => resolve(answer));
  expect(await promise).toBe("late words");
  one.destroy();
  expect(upstream.ended).toBe(1);
  upstream.close();
  expect(await lines(proxy)).toMatchObject([{ reason: "client_fin" }]);
});

test("one upstream alone speaks TLS, by tls://, and one has a name of its own", async () => {
  const there = await speaking("plainly", named);
  const inPlain = await plain((socket) => socket.on("data", () => socket.write("plain")));
  const file = at("mixed.toml");
  await writeFile(
    file,
    `
    listen = "127.0.0.1:0"
    upstreamTlsCa = "${at("authority.pem")}"
    balance = "round-robin"
    upstream = [
      "127.0.0.1:${inPlain}",
      { address = "tls://127.0.0.1:${there}", upstreamTlsName = "good.example" },
    ]
    `,
  );
  const { names } = { names: /DNS:(\S+?),?$/m.exec(await altNames(named)) ?? [] };
  const text = (await Bun.file(file).text()).replace("good.example", names[1] ?? "");
  await writeFile(file, text);
  await using proxy = new CliProcess(["-c", file, "--stats", "none"]);
  const port = await proxy.port();
  const answers = [await ask(port), await ask(port)].toSorted();
  expect(answers).toEqual(["plain", "plainly:hi"]);
});

async function altNames({ cert }: TestCertificate): Promise<string> {
  const { X509Certificate } = await import("node:crypto");
  return new X509Certificate(cert).subjectAltName ?? "";
}

test("an upstream that wants a certificate gets one, and agrees on a protocol", async () => {
  const upstream = await TlsUpstream.listen(
    (socket) => {
      const { subject } = socket.getPeerCertificate();
      socket.on("data", () => socket.write(`${subject?.CN} ${socket.alpnProtocol}`));
    },
    { requestCert: true, rejectUnauthorized: true, ca: authority.cert, ALPNProtocols: ["echo/1"] },
  );
  const shown = ["--upstream-tls-cert", at("client.pem"), "--upstream-tls-key", at("client.key")];
  const all = flags([upstream.address.port], ...shown, "--upstream-tls-alpn", "x,echo/1");
  await using proxy = new CliProcess(all);
  expect(await ask(await proxy.port())).toMatch(/^\S.* echo\/1$/);
  upstream.close();
  // Nobody is told the key.
  const { out, err } = await runCli("check", ...all);
  expect(out + err).not.toContain("PRIVATE");
});

test("an upstream that breaks the rules later ends its own relay alone", async () => {
  const behind = await speaking("good");
  const clients: Socket[] = [];
  const port = await plain((socket) => {
    clients.push(socket);
    const on = connect(behind, "127.0.0.1", () => socket.pipe(on).pipe(socket));
    on.on("error", () => {});
  });
  await using proxy = new CliProcess(flags([port]));
  const listened = await proxy.port();
  const { promise, resolve } = Promise.withResolvers<void>();
  const one = connect(listened, "127.0.0.1", () => one.write("first"));
  one.on("error", () => {});
  one.once("data", () => clients[0]?.write("these are no records of TLS, not at all"));
  one.on("close", () => resolve());
  await promise;
  expect(await ask(listened)).toBe("good:hi");
  const [relay] = await lines(proxy);
  expect(relay).toMatchObject({ reason: "upstream_reset" });
});

describe.skipIf(redisServer === null || redisCli === null)("redis-server", () => {
  test.each(["auto", "sockets"])("engine %s", async (engine) => {
    const port = freePort();
    await using _ = await startRedisServer(
      ...["--tls-port", String(port), "--tls-auth-clients", "no"],
      ...["--tls-cert-file", at("server.pem"), "--tls-key-file", at("server.key")],
      ...["--tls-ca-cert-file", at("authority.pem")],
    );
    await using proxy = new CliProcess(flags([port], "--engine", engine));
    const listened = await proxy.port();
    const run = async (...command: string[]) => {
      const child = Bun.spawn([redisCli as string, "-p", String(listened), ...command]);
      return (await child.stdout.text()).trim();
    };
    expect(await run("set", "key", "value")).toBe("OK");
    expect(await run("get", "key")).toBe("value");
    expect((await lines(proxy)).length).toBeGreaterThanOrEqual(2);
  });
});

describe.skipIf(openssl === null)("openssl s_server", () => {
  test.each(["-tls1_3", "-tls1_2"])("%s", async (version) => {
    const command = (port: number) => [
      ...[openssl as string, "s_server", "-rev", "-quiet", "-accept", `127.0.0.1:${port}`],
      ...["-cert", at("server.pem"), "-key", at("server.key"), version],
    ];
    const { child, port } = await startOnFreePort(command, async (one) => (await knock(one)) === 0);
    try {
      await using proxy = new CliProcess(flags([port]));
      expect(await ask(await proxy.port(), "abc\n")).toBe("cba\n");
    } finally {
      child.kill("SIGKILL");
    }
  });

  async function knock(port: number): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    const one = connect(port, "127.0.0.1", () => resolve(0));
    one.on("error", () => resolve(1));
    const code = await promise;
    one.destroy();
    return code;
  }
});
