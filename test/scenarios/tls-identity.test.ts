import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tlv } from "../../src/entry/proxy-protocol/header.ts";
import { ProxyHeaderParser } from "../../src/entry/proxy-protocol/parser.ts";
import {
  type Connection,
  createProxy,
  type ListenerConfig,
  type ProxyConfig,
  type RelaySummary,
  type Proxy as RunningProxy,
} from "../../src/index.ts";
import { TlsClient, type TlsClientOptions } from "../clients/tls-client.ts";
import { authority, client, other, server } from "../fixtures/certificates.ts";
import { echo, sink, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// What the rest of ringway makes of clients whose TLS ends here: who they are, how many, and how fast they come.

setDefaultTimeout(30_000);

const linux = process.platform === "linux";
const place = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;

let folder = "";
let upstream: Upstream;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-tls-id-"));
  upstream = Upstream.listen(place, echo);
  for (const [name, { cert, key }] of Object.entries({ authority, other, server })) {
    await writeFile(join(folder, `${name}.pem`), cert);
    await writeFile(join(folder, `${name}.key`), key);
  }
});

afterAll(async () => {
  upstream.close();
  await rm(folder, { recursive: true });
});

const file = (name: string) => join(folder, name);
const pair = () => ({ tlsCert: file("server.pem"), tlsKey: file("server.key") });
const asking = () => ({ ...pair(), tlsVerify: "required", tlsCa: file("authority.pem") }) as const;
const portOf = (proxy: RunningProxy, index = 0) =>
  Number(proxy.addresses[index]?.split(":").at(-1));

function placeOf({ address }: Upstream): string {
  return address.kind === "tcp" ? `${address.host}:${address.port}` : "";
}

/** A proxy in front of the upstream, and what it says of relays that ended. */
async function start(
  listener: Partial<ListenerConfig>,
  config: Partial<ProxyConfig> = {},
): Promise<{ proxy: RunningProxy; ended: RelaySummary[] }> {
  const ended: RelaySummary[] = [];
  const proxy = await createProxy(
    {
      listeners: [{ listen: "127.0.0.1:0", ...listener }],
      upstream: placeOf(upstream),
      drainTimeout: 0,
      ...config,
    },
    { relayEnded: (relay) => ended.push(relay) },
  );
  return { proxy, ended };
}

/** A client that is turned away, at once or after what it takes for its handshake. */
async function refused(port: number, options: TlsClientOptions = {}): Promise<void> {
  const opened = await TlsClient.open(port, options).catch(() => null);
  await opened?.ended();
  opened?.close();
}

/** A session that the server has given to a client. */
async function sessionAt(port: number, options: TlsClientOptions): Promise<Buffer> {
  const one = await TlsClient.open(port, options);
  await one.echo("hello");
  await waitFor(() => one.session !== null, "a session was given");
  one.close();
  return one.session as Buffer;
}

describe.each(linux ? [0, 2] : [0])("%i workers", (workers) => {
  test("the route function knows who the client is", async () => {
    const told: Connection[] = [];
    const { proxy, ended } = await start(asking(), {
      workers,
      route: (connection) => void told.push(connection),
    });
    await using _ = proxy;
    const one = await TlsClient.open(portOf(proxy), client);
    await one.echo("hello");
    one.close();
    await waitFor(() => ended.length === 1, "it is over");
    expect(told).toMatchObject([
      {
        hello: { isTls: true, name: "localhost" },
        tls: { version: "1.3", isResumed: false, client: { commonName: "ringway check" } },
      },
    ]);
    expect(told[0]?.tls?.client?.fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    expect(ended).toMatchObject([{ tlsClient: "ringway check", reason: "client_fin" }]);
  });

  test("so many handshakes a second at a listener, whoever comes", async () => {
    const { proxy, ended } = await start({ ...pair(), tlsHandshakeRate: 0.001 }, { workers });
    await using _ = proxy;
    const first = await TlsClient.open(portOf(proxy));
    for (let tries = 0; tries < 3; tries++) await refused(portOf(proxy));
    // Others are not disturbed.
    expect(await first.echo("hello")).toBe("hello");
    first.close();
    await waitFor(() => ended.length === 4, "all are over");
    const reasons = ended.map(({ reason }) => reason);
    expect(reasons.filter((one) => one === "tls_handshake_rate")).toHaveLength(3);
  });
});

test("so many handshakes a second of one client, and others as before", async () => {
  const { proxy, ended } = await start({
    ...pair(),
    tlsClientHandshakeRate: 0.001,
    proxyProtocol: "required",
    proxyProtocolFrom: "any",
  });
  await using _ = proxy;
  const from = (host: string) => ({ preamble: `PROXY TCP4 ${host} 192.0.2.8 4711 443\r\n` });
  const good = await TlsClient.open(portOf(proxy), from("192.0.2.1"));
  await refused(portOf(proxy), from("192.0.2.1"));
  const better = await TlsClient.open(portOf(proxy), from("192.0.2.2"));
  for (const one of [good, better]) {
    expect(await one.echo("hello")).toBe("hello");
    one.close();
  }
  await waitFor(() => ended.length === 3, "all are over");
  expect(ended.map(({ reason }) => reason)).toContain("tls_client_handshake_rate");
});

describe.each(["off", "required"] as const)("PROXY header %s", (proxyProtocol) => {
  const preamble =
    proxyProtocol === "off" ? {} : { preamble: "PROXY TCP4 192.0.2.7 192.0.2.8 4711 443\r\n" };
  const before = {
    proxyProtocol,
    ...(proxyProtocol === "off" ? {} : { proxyProtocolFrom: "any" }),
  };

  test("a client that waits for room has no handshake before there is some", async () => {
    const { proxy, ended } = await start({
      ...pair(),
      ...before,
      maxRelays: 1,
      whenFull: "wait",
      tlsHandshakeTimeout: "5s",
    });
    await using _ = proxy;
    const first = await TlsClient.open(portOf(proxy), preamble);
    let isOpen = false;
    const second = TlsClient.open(portOf(proxy), preamble).then((one) => {
      isOpen = true;
      return one;
    });
    const waiting = () => proxy.stats().listeners[0]?.waiting === 1;
    await waitFor(waiting, "the second one waits");
    // The first one is served meanwhile, in as many turns as a handshake would take.
    for (let round = 0; round < 20; round++) expect(await first.echo("hello")).toBe("hello");
    expect(isOpen).toBe(false);
    expect(proxy.stats().listeners[0]?.tlsHandshakes).toBe(1);
    first.close();
    const served = await second;
    expect(await served.echo("x".repeat(100_000))).toHaveLength(100_000);
    served.close();
    await waitFor(() => ended.length === 2, "both are over");
    expect(ended.map(({ reason }) => reason)).toEqual(["client_fin", "client_fin"]);
  });

  test("who does not speak TLS is turned away with a reason", async () => {
    const { proxy, ended } = await start({ ...pair(), ...before });
    await using _ = proxy;
    const closed = Promise.withResolvers<void>();
    const raw = await Bun.connect({
      hostname: "127.0.0.1",
      port: portOf(proxy),
      socket: { data() {}, close: () => closed.resolve() },
    });
    raw.write(`${preamble.preamble ?? ""}GET / HTTP/1.0\r\n\r\n`);
    await closed.promise;
    await waitFor(() => ended.length === 1, "it is over");
    expect(ended).toMatchObject([{ reason: "tls_plain_text", dials: 0 }]);
  });
});

describe("a session that is resumed", () => {
  describe.each(["TLSv1.2", "TLSv1.3"] as const)("by %s", (maxVersion) => {
    const mine = { ...client, maxVersion } as const;

    test("says who the client is, and counts", async () => {
      const { proxy, ended } = await start(asking());
      await using _ = proxy;
      const session = await sessionAt(portOf(proxy), mine);
      const again = await TlsClient.open(portOf(proxy), { maxVersion, session });
      expect(await again.echo("hello")).toBe("hello");
      expect(again.socket.isSessionReused()).toBe(true);
      again.close();
      await waitFor(() => ended.length === 2, "both are over");
      expect(ended[1]).toMatchObject({ tlsResumed: true, tlsClient: "ringway check" });
      const [counted] = proxy.stats().listeners;
      expect(counted).toMatchObject({ tlsHandshakes: 2, tlsResumed: 1 });
      expect(counted?.tls12).toBe(maxVersion === "TLSv1.2" ? 2 : 0);
    });

    test("is of no use at a listener with other authorities", async () => {
      const strict = { ...asking(), tlsCa: file("other.pem") };
      const { proxy, ended } = await start(
        {},
        {
          listeners: [
            { listen: "127.0.0.1:0", ...asking() },
            { listen: "127.0.0.1:0", ...strict },
          ],
        },
      );
      await using _ = proxy;
      const session = await sessionAt(portOf(proxy), mine);
      await refused(portOf(proxy, 1), { maxVersion, session });
      await refused(portOf(proxy, 1), { ...mine, session });
      await waitFor(() => ended.length === 3, "all are over");
      const reasons = ended.slice(1).map(({ reason }) => reason);
      expect(reasons).toEqual(["tls_no_certificate", "tls_client_rejected"]);
    });

    test.each([
      ["other authorities", { tlsCa: "other.pem" }, ["tls_no_certificate", "tls_client_rejected"]],
      ["other names", { tlsAllow: "nobody.test" }, ["tls_no_certificate", "tls_client_rejected"]],
    ])("is of no use after a reload to %s", async (_name, change, expected) => {
      const { proxy, ended } = await start(asking());
      await using _ = proxy;
      const session = await sessionAt(portOf(proxy), mine);
      const changed = { ...change, ...("tlsCa" in change ? { tlsCa: file("other.pem") } : {}) };
      const listeners = [{ listen: proxy.addresses[0] as string, ...asking(), ...changed }];
      await proxy.reload({ listeners, upstream: placeOf(upstream), drainTimeout: 0 });
      await refused(portOf(proxy), { maxVersion, session });
      await refused(portOf(proxy), { ...mine, session });
      await waitFor(() => ended.length === 3, "all are over");
      expect(ended.slice(1).map(({ reason }) => reason as string)).toEqual(expected);
    });

    test("is of no use under the name of another certificate, where it was not given", async () => {
      const pairs = [{ cert: file("other.pem"), key: file("other.key"), names: "other.test" }];
      const { proxy, ended } = await start({ ...asking(), tlsCertificates: pairs });
      await using _ = proxy;
      const session = await sessionAt(portOf(proxy), mine);
      const free = { servername: "other.test", ca: [authority.cert, other.cert] };
      const named = { ...free, maxVersion, session, checkServerIdentity: () => undefined };
      await refused(portOf(proxy), named);
      await waitFor(() => ended.length === 2, "both are over");
      expect(ended[1]?.reason).toBe("tls_no_certificate");
    });
  });
});

test("PROXY v2 has version, cipher and the client's common name, and says what was verified", async () => {
  const heads: Tlv[][] = [];
  const behind = Upstream.listen(place, (end) => {
    const parser = new ProxyHeaderParser();
    end.onData = (self, bytes) => {
      const rest = parser.state === "partial" ? bytes.subarray(parser.push(bytes)) : bytes;
      if (parser.header !== null && rest.length === bytes.length - rest.length) return;
      if (parser.header !== null && heads.at(-1) !== parser.header.tlvs) {
        heads.push(parser.header.tlvs as Tlv[]);
      }
      if (rest.length > 0) self.send(Buffer.from(rest));
    };
  });
  const listener = { ...asking(), tlsVerify: "optional", sendProxyProtocol: "v2" } as const;
  const { proxy } = await start(listener, { upstream: placeOf(behind) });
  await using _ = proxy;
  const session = await sessionAt(portOf(proxy), client);
  for (const options of [{ session }, {}]) {
    const one = await TlsClient.open(portOf(proxy), options);
    await one.echo("hello");
    one.close();
  }
  const said: unknown[] = heads.map((tlvs) => {
    const value = Buffer.from(tlvs.find(({ type }) => type === 0x20)?.value ?? []);
    const inner: Record<string, string> = {};
    for (let at = 5; at < value.length; ) {
      const size = value.readUInt16BE(at + 1);
      inner[value[at]?.toString(16) ?? ""] = value.toString("latin1", at + 3, at + 3 + size);
      at += 3 + size;
    }
    return { flags: value[0], verify: value.readUInt32BE(1), ...inner };
  });
  const common = { "21": "TLSv1.3", "23": expect.stringMatching(/^TLS_/) };
  expect(said).toEqual([
    { flags: 7, verify: 0, "22": "ringway check", ...common },
    { flags: 5, verify: 0, "22": "ringway check", ...common },
    { flags: 1, verify: 1, ...common },
  ]);
  behind.close();
});

describe("a mirror", () => {
  test.each([
    [{}, 0],
    [{ mirrorPlainText: true }, 5],
  ])("%p gets %i bytes of what came by TLS", async (said, bytes) => {
    const copy = Upstream.listen(place, sink);
    const { proxy, ended } = await start({ ...pair(), ...said, mirror: placeOf(copy) });
    await using _ = proxy;
    const one = await TlsClient.open(portOf(proxy));
    expect(await one.echo("hello")).toBe("hello");
    one.close();
    await waitFor(() => ended.length === 1, "it is over");
    if (bytes > 0) {
      await waitFor(() => copy.ends[0]?.receivedBytes === bytes, "the copy is complete");
    }
    expect(copy.ends.length).toBe(bytes > 0 ? 1 : 0);
    expect(ended[0]?.mirror).toBe(bytes > 0 ? "mirrored" : null);
    copy.close();
  });
});
