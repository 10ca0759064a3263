import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  alone,
  authority,
  client,
  expired,
  future,
  named,
  other,
  type TestCertificate,
} from "../../../test/fixtures/certificates.ts";
import { descriptorsSince, openDescriptors } from "../../../test/fixtures/proc.ts";
import { type Behaviour, Upstream } from "../../../test/fixtures/upstream.ts";
import { waitFor } from "../../../test/fixtures/wait.ts";
import type { Address } from "../../base/address.ts";
import type { TlsClientOptions } from "../../transport/tls/client-options.ts";
import type { CheckOptions } from "./check-options.ts";
import { checkOptions, probeOnce } from "./test-redis.ts";
import { postgresDoor, TlsUpstream, tlsOptions } from "./test-tls.ts";

setDefaultTimeout(20_000);

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

function opening<T extends { close(): void }>(one: T): T {
  opened.push(one);
  return one;
}

function listenPlain(behaviour: Behaviour): Upstream {
  return opening(Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, behaviour));
}

/** The check has closed its connection. */
async function isLeft(upstream: Upstream): Promise<void> {
  const { ends } = upstream;
  const isGone = () => ends[0]?.closed === true || ends[0]?.finAfterBytes !== -1;
  await waitFor(() => ends.length === 1 && isGone(), "the connection is closed");
}

/** Checks by TLS, without hurry. */
async function check(
  address: Address,
  tls: Partial<TlsClientOptions> = {},
  more: Partial<CheckOptions> = {},
): Promise<{ ok: boolean; detail: string }> {
  const result = await probeOnce(address, checkOptions({ tls: tlsOptions(tls), ...more }));
  const { ok, detail, inconclusive } = result;
  expect(inconclusive).toBe(false);
  expect(detail).toMatch(/^[\x20-\x7e…"]{1,300}$/);
  return { ok, detail };
}

const localhost = (port: number): Address => ({ kind: "tcp", host: "localhost", port });

describe("a handshake", () => {
  test("is enough for kind tcp, and is whole for the upstream, with an end", async () => {
    const upstream = opening(await TlsUpstream.listen(() => {}));
    expect(await check(upstream.address)).toEqual({ ok: true, detail: "connected" });
    await waitFor(() => upstream.ended === 1, "its end is there");
    expect(upstream).toMatchObject({ shaken: 1, errors: [] });
  });

  test("asks for a host by name, and for an address by none", async () => {
    const upstream = opening(await TlsUpstream.listen(() => {}));
    const { port } = upstream.address;
    expect((await check(upstream.address)).ok).toBe(true);
    expect((await check(localhost(port))).ok).toBe(true);
    expect((await check(upstream.address, { serverName: "up.example" })).ok).toBe(true);
    expect((await check(upstream.address, { serverName: "up.example." })).ok).toBe(true);
    expect((await check(localhost(port), { serverName: "127.0.0.1" })).ok).toBe(true);
    await waitFor(() => upstream.names.length === 5, "all were accepted");
    expect(upstream.names.map((name) => name || "")).toEqual([
      "",
      "localhost",
      "up.example",
      "up.example",
      "",
    ]);
  });

  const unknown = "TLS: its certificate is signed by an unknown authority";
  test.each<[string, TestCertificate, Partial<TlsClientOptions>, string]>([
    ["expired", expired, {}, "TLS: its certificate has expired"],
    ["not valid yet", future, {}, "TLS: its certificate is not valid yet"],
    ["for another address", named, {}, "TLS: its certificate is not for 127.0.0.1"],
    [
      "for another name",
      named,
      { serverName: "a.example" },
      "TLS: its certificate is not for a.example",
    ],
    ["of another authority", named, { ca: other.cert }, unknown],
    ["of none that is built in", named, { ca: null }, unknown],
    ["signed by itself", alone, {}, "TLS: its certificate is self-signed"],
  ])("fails when its certificate is %s", async (_, shown, tls, detail) => {
    const upstream = opening(await TlsUpstream.listen(() => {}, shown));
    expect(await check(upstream.address, tls)).toEqual({ ok: false, detail });
    // Whoever wants no proof gets none.
    expect((await check(upstream.address, { ...tls, ca: null, verify: false })).ok).toBe(true);
  });

  test("takes one of several authorities, and a certificate for itself", async () => {
    const upstream = opening(await TlsUpstream.listen(() => {}, named));
    const tls = { serverName: "up.example", ca: other.cert + authority.cert };
    expect((await check(upstream.address, tls)).ok).toBe(true);
    const single = opening(await TlsUpstream.listen(() => {}, alone));
    expect((await check(single.address, { ca: alone.cert })).ok).toBe(true);
  });

  test("fails in spite of an environment that trusts everybody", async () => {
    const upstream = opening(await TlsUpstream.listen(() => {}, expired));
    const program = `
      import { writeSync } from "node:fs";
      import { checkOptions, probeOnce } from "${import.meta.dir}/test-redis.ts";
      import { tlsOptions } from "${import.meta.dir}/test-tls.ts";
      const address = ${JSON.stringify(upstream.address)};
      writeSync(1, (await probeOnce(address, checkOptions({ tls: tlsOptions() }))).detail);
      process.exit(0);`;
    const env = { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: "0" };
    const run = Bun.spawn([process.execPath, "-e", program], { env, stderr: "pipe" });
    expect(await run.stdout.text()).toBe("TLS: its certificate has expired");
  });

  test("shows a certificate of ours where one is wanted", async () => {
    const wanting = { requestCert: true, rejectUnauthorized: true, ca: authority.cert };
    const upstream = opening(await TlsUpstream.saying("+PONG\r\n", wanting));
    const redis = { kind: "redis" } as const;
    const { cert, key } = client;
    expect(await check(upstream.address, { identity: { cert, key } }, redis)).toEqual({
      ok: true,
      detail: "+PONG",
    });
    const without = await check(upstream.address, {}, redis);
    expect(without.ok).toBe(false);
    expect(without.detail).toContain("ERR_SSL_TLSV1_ALERT_CERTIFICATE_REQUIRED");
  });

  test("offers protocols", async () => {
    const chosen: (string | false | null)[] = [];
    const upstream = opening(
      await TlsUpstream.listen((socket) => void chosen.push(socket.alpnProtocol), {
        ALPNProtocols: ["http/1.1"],
      }),
    );
    expect((await check(upstream.address, { alpn: ["h2", "http/1.1"] })).ok).toBe(true);
    expect(await check(upstream.address, { alpn: ["h2"] })).toEqual({
      ok: false,
      detail: "TLS: ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
    });
    await waitFor(() => chosen.length === 1, "the first one was accepted");
    expect(chosen).toEqual(["http/1.1"]);
  });
});

describe("an upstream that speaks no TLS", () => {
  test("fails at once when it says anything", async () => {
    const detail = "TLS: it does not speak TLS";
    for (const text of [
      "220 welcome\r\n",
      "-ERR unknown command\r\n",
      "HTTP/1.1 400 Bad\r\n\r\n",
    ]) {
      const greeting = listenPlain((end) => void end.send(Buffer.from(text)));
      expect(await check(greeting.address)).toEqual({ ok: false, detail });
      await isLeft(greeting);
    }
  });

  test("fails after the timeout when it is silent, or when it stalls", async () => {
    const detail = "TLS: no handshake within 60ms";
    const halfARecord = Buffer.from("160303004002000030", "hex");
    const behaviours: Behaviour[] = [() => {}, (end) => void end.send(halfARecord)];
    for (const behaviour of behaviours) {
      const upstream = listenPlain(behaviour);
      expect(await check(upstream.address, {}, { timeoutMs: 60 })).toEqual({ ok: false, detail });
      await isLeft(upstream);
    }
  });

  test("fails when it floods, ends or resets", async () => {
    const garbage = crypto.getRandomValues(new Uint8Array(65_536));
    const flooding = listenPlain((end) => void end.send(Buffer.from(garbage)));
    expect((await check(flooding.address)).detail).toStartWith("TLS: ");
    const ending = listenPlain((end) => void end.finish());
    expect(await check(ending.address)).toEqual({
      ok: false,
      detail: "TLS: the upstream ended the connection",
    });
    const resetting = listenPlain((end) => {
      end.onData = (self) => self.reset();
    });
    expect(await check(resetting.address)).toEqual({ ok: false, detail: "TLS: ECONNRESET" });
  });
});

describe("what is said by TLS", () => {
  test("is the same as in plain", async () => {
    const http = opening(await TlsUpstream.saying("HTTP/1.1 204 No Content\r\n\r\n"));
    expect(await check(http.address, {}, { kind: "http" })).toEqual({
      ok: true,
      detail: '"HTTP/1.1 204 No Content"',
    });
    const redis = opening(await TlsUpstream.saying("-LOADING Redis is loading\r\n"));
    expect(await check(redis.address, {}, { kind: "redis" })).toEqual({
      ok: false,
      detail: 'expected +PONG, got "-LOADING Redis is loading"',
    });
    const mail = opening(await TlsUpstream.listen((socket) => void socket.write("220 hello\r\n")));
    const steps = [{ expect: { bytes: Buffer.from("220 ") } }];
    expect(await check(mail.address, {}, { kind: "send-expect", steps })).toEqual({
      ok: true,
      detail: 'got "220 hello"',
    });
    await waitFor(() => mail.ended === 1, "its end is there");
    const silent = opening(await TlsUpstream.listen(() => {}));
    expect(await check(silent.address, {}, { kind: "redis", timeoutMs: 300 })).toEqual({
      ok: false,
      detail: "no answer within 300ms",
    });
  });

  test("is nothing to one whose certificate is wrong, even when it greets", async () => {
    const greeting = opening(
      await TlsUpstream.listen((socket) => {
        socket.write("+OK\r\n+PONG\r\n");
      }, expired),
    );
    const found = await check(greeting.address, {}, { kind: "redis", password: "sesam" });
    expect(found).toEqual({ ok: false, detail: "TLS: its certificate has expired" });
    const right = opening(await TlsUpstream.saying("+OK\r\n+PONG\r\n"));
    expect((await check(right.address, {}, { kind: "redis", password: "sesam" })).ok).toBe(true);
    expect(right.received).toContain("sesam");
    expect(greeting.received).toBe("");
  });
});

describe("a Postgres", () => {
  const askPassword = Buffer.from([0x52, 0, 0, 0, 23, 0, 0, 0, 10]);
  const postgres = { kind: "postgres" } as const;

  test("is asked for TLS, and for a login then", async () => {
    const behind = opening(await TlsUpstream.saying(askPassword));
    const door = opening(await postgresDoor(behind));
    expect(await check(door.address, {}, postgres)).toEqual({
      ok: true,
      detail: "answers the startup",
    });
    expect(behind.received).toContain("user\0ringway\0");
    await waitFor(() => behind.ended === 1, "its end is there");
    const strange = await check(door.address, { serverName: "b.example" }, postgres);
    expect(strange.detail).toBe("TLS: its certificate is not for b.example");
  });

  test.each([
    ["that has no TLS", "N", 'TLS: it has none, got "N"'],
    ["that is none", "-ERR what?\r\n", 'TLS: expected S, got "-ERR what?"'],
    ["behind which somebody puts words in", "SR", 'TLS: expected S, got "SR"'],
  ])("fails %s", async (_, answer, detail) => {
    const upstream = listenPlain((end) => {
      end.keeps = true;
      end.onData = (self) => void self.send(Buffer.from(answer));
    });
    expect(await check(upstream.address, {}, postgres)).toEqual({ ok: false, detail });
    await isLeft(upstream);
    expect(Buffer.concat(upstream.end(0).chunks).toString("hex")).toBe("0000000804d2162f");
  });

  test("fails that never answers, or says S and no more", async () => {
    const silent = listenPlain(() => {});
    expect(await check(silent.address, {}, { ...postgres, timeoutMs: 50 })).toEqual({
      ok: false,
      detail: "no answer within 50ms",
    });
    const stalling = listenPlain((end) => {
      end.onData = (self) => {
        self.onData = () => {};
        self.send(Buffer.from("S"));
      };
    });
    expect(await check(stalling.address, {}, { ...postgres, timeoutMs: 100 })).toEqual({
      ok: false,
      detail: "TLS: no handshake within 100ms",
    });
  });
});

test.if(process.platform === "linux")("no check by TLS leaves a descriptor behind", async () => {
  const stalling = listenPlain((end) => void end.send(Buffer.from("160303004002", "hex")));
  const wrong = opening(await TlsUpstream.listen(() => {}, expired));
  const right = opening(await TlsUpstream.saying("+PONG\r\n"));
  const silent = opening(await TlsUpstream.listen(() => {}));
  const addresses = [stalling, wrong, right, silent].map(({ address }) => address);
  // What is loaded at the first time stays.
  await check(right.address, {}, { kind: "redis" });
  await waitFor(() => right.ended === 1, "its end is there");
  const before = openDescriptors();
  for (let round = 0; round < 5; round++) {
    const checks = addresses.map((one) => check(one, {}, { kind: "redis", timeoutMs: 100 }));
    await Promise.all(checks);
  }
  for (const one of opened.splice(0)) one.close();
  await waitFor(
    () => descriptorsSince(before) === "",
    () => `descriptors are closed, and not ${descriptorsSince(before)}`,
  );
});
