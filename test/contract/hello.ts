import { expect } from "bun:test";
import { type Address, formatAddress } from "../../src/base/address.ts";
import { edgeDefaults, listenerDefaults } from "../../src/config/defaults.ts";
import { nameRoutes } from "../../src/config/name-routes.ts";
import type { EdgeOptions, ListenerOptions } from "../../src/config/options.ts";
import { TlvType } from "../../src/entry/proxy-protocol/header.ts";
import { ProxyHeaderParser } from "../../src/entry/proxy-protocol/parser.ts";
import { writeProxyHeader } from "../../src/entry/proxy-protocol/writer.ts";
import type { Connection, Route } from "../../src/entry/route/connection.ts";
import { Alert, alertRecord } from "../../src/entry/tls-hello/hello.ts";
import { encodeSockaddr } from "../../src/system/sockaddr.ts";
import type { End } from "../fixtures/end.ts";
import {
  extension,
  type HelloParts,
  helloMessage,
  helloOf,
  inRecords,
} from "../fixtures/hellos.ts";
import { listener, openAdmission, rowed } from "../fixtures/options.ts";
import { echo, type Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

/** Longer than any case may take. */
const NEVER_MS = 120_000;

/** How upstreams are chosen by what a ClientHello asks for, and who is refused for it. */
export function helloCases(suite: Suite): void {
  choiceCases(suite);
  refusalCases(suite);
  plainCases(suite);
  withinCases(suite);
  toldCases(suite);
}

/** Two upstreams that echo, and a listener with routes to them: `A` and `B` stand for their addresses. */
async function routed(
  scene: Scene,
  text: string,
  edge: Partial<EdgeOptions> = {},
  others: Partial<ListenerOptions> = {},
): Promise<{ readonly address: Address; readonly a: Upstream; readonly b: Upstream }> {
  const [a, b] = [await scene.upstream(echo), await scene.upstream(echo)];
  const options = {
    routes: routesTo(text, a.address, b.address),
    edge: { ...edgeDefaults, helloTimeoutMs: NEVER_MS, ...edge },
    ...others,
  };
  return { address: await scene.listen([a, b], options), a, b };
}

function routesTo(text: string, a: Address, b: Address): ListenerOptions["routes"] {
  const where = text.replace(/\bA\b/g, formatAddress(a)).replace(/\bB\b/g, formatAddress(b));
  return nameRoutes(where);
}

/** A client whose hello comes back, which the upstream echoes. */
async function echoed(scene: Scene, address: Address, parts: HelloParts): Promise<End> {
  const hello = helloOf(parts);
  const client = await scene.client(address, (end) => {
    end.keeps = true;
  });
  client.send(hello);
  await waitFor(() => client.receivedBytes >= hello.length, "the hello comes back");
  expect(Buffer.concat(client.chunks).equals(hello)).toBe(true);
  return client;
}

/** A client that gets these bytes and a FIN, or a reset. */
async function refused(
  scene: Scene,
  address: Address,
  bytes: Uint8Array,
  alert: Alert | null,
): Promise<void> {
  const client = await scene.client(address, (end) => {
    end.keeps = true;
  });
  client.send(bytes);
  await waitFor(() => client.closed || client.finSeen, "it is let go");
  const told = alert === null ? Buffer.alloc(0) : Buffer.from(alertRecord(alert));
  expect(Buffer.concat(client.chunks)).toEqual(told);
}

function choiceCases(suite: Suite): void {
  suite.case("a client goes where its name leads, and its hello with it", async (scene) => {
    const { address, a, b } = await routed(scene, "a.test=A,*.b.test+alpn:h2=B,default=A");
    const clients: readonly (readonly [HelloParts, string, Upstream])[] = [
      [{ name: "A.test." }, "a.test", a],
      // A route with a name and a protocol needs both.
      [{ name: "x.y.b.test" }, "default", a],
      [{ name: null, alpn: ["http/1.1", "h2"] }, "default", a],
      [{ name: "c.test", versions: null }, "default", a],
    ];
    for (const [index, [parts, route, upstream]] of clients.entries()) {
      (await echoed(scene, address, parts)).reset();
      const expected = { route, upstream: formatAddress(upstream.address) };
      expect(await scene.ended(index + 1)).toMatchObject(expected);
    }
    const both = { name: "x.y.b.test", alpn: ["h2"] };
    (await echoed(scene, address, both)).reset();
    expect(await scene.ended(clients.length + 1)).toMatchObject({
      route: "*.b.test alpn:h2",
      upstream: formatAddress(b.address),
      tlsName: "x.y.b.test",
      tlsAlpn: "h2",
    });
  });

  suite.case("a hello that comes byte by byte, in records of one byte each", async (scene) => {
    const { address, b } = await routed(scene, "a.test=A,b.test=B");
    const message = inRecords(helloMessage({ name: "b.test" }), 1);
    const client = await scene.client(address, (end) => {
      end.keeps = true;
    });
    for (const byte of message) {
      client.send(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await waitFor(() => client.receivedBytes >= message.length, "the hello comes back");
    expect(Buffer.concat(client.chunks).equals(message)).toBe(true);
    expect((await scene.engine.relays())[0]?.upstream).toBe(formatAddress(b.address));
  });

  suite.case("a hello in many small pieces takes little memory", async (scene) => {
    const { address } = await routed(scene, "default=A");
    const hello = helloOf({ extensions: [extension(51, new Uint8Array(200))] });
    const client = await scene.client(address);
    for (const byte of hello) {
      client.send(Uint8Array.of(byte));
      // However it is read: nothing is left in the kernel when the next byte comes.
      await Bun.sleep(1);
    }
    await waitFor(() => client.receivedBytes === hello.length, "the hello comes back");
    // Of 64 KiB each: a segment, or a buffer of 4 KiB, for every byte would be many more.
    expect(scene.engine.stats().memory.segmentsLeasedMax).toBeLessThanOrEqual(2);
  });

  suite.case("a large hello with early data behind it", async (scene) => {
    const { address } = await routed(scene, "a.test=A,b.test=B");
    const large = helloOf({
      name: "b.test",
      extensions: [extension(51, new Uint8Array(9_000).fill(3))],
    });
    const stream = Buffer.concat([large, Buffer.alloc(100_000, "early")]);
    const client = await scene.client(address, (end) => {
      end.keeps = true;
    });
    client.send(stream.subarray(0, 5_000));
    await new Promise((resolve) => setImmediate(resolve));
    client.send(stream.subarray(5_000));
    await waitFor(() => client.receivedBytes === stream.length, "all of it comes back");
    expect(Buffer.concat(client.chunks).equals(stream)).toBe(true);
  });

  suite.case("a hello behind a PROXY header", async (scene) => {
    const edge = { proxyProtocol: "required" as const, tables: openAdmission };
    const { address, b } = await routed(scene, "a.test=A,b.test=B", edge);
    const source = encodeSockaddr({ kind: "tcp", host: "10.0.0.9", port: 4711 });
    for (const [index, version] of ([1, 2] as const).entries()) {
      const header = writeProxyHeader({
        version,
        command: "proxy",
        source,
        destination: source,
        tlvs: [],
        crc32c: false,
      });
      const hello = helloOf({ name: "b.test" });
      const client = await scene.client(address, (end) => {
        end.keeps = true;
      });
      client.send(Buffer.concat([header, hello]));
      await waitFor(() => client.receivedBytes === hello.length, "the hello comes back");
      client.reset();
      const told = { client: "10.0.0.9:4711", upstream: formatAddress(b.address) };
      expect(await scene.ended(index + 1)).toMatchObject(told);
    }
  });
}

function refusalCases(suite: Suite): void {
  suite.case("a client without a route gets an alert and a FIN", async (scene) => {
    const { address } = await routed(scene, "a.test=A,h2.test+alpn:h2=B,no.test=refuse");
    await refused(scene, address, helloOf({ name: "c.test" }), Alert.UnrecognizedName);
    await refused(scene, address, helloOf({ name: null }), Alert.UnrecognizedName);
    await refused(scene, address, helloOf({ name: "no.test" }), Alert.UnrecognizedName);
    await refused(scene, address, helloOf({ name: "h2.test" }), Alert.NoApplicationProtocol);
    await scene.ended(4);
    expect(scene.record.reasons).toEqual(Array(4).fill("tls_no_route"));
    expect(scene.record.ended.map(({ route }) => route)).toEqual([null, null, "no.test", null]);
    expect(scene.record.ended.map(({ dials }) => dials)).toEqual([0, 0, 0, 0]);
  });

  suite.case("one that breaks the rules of TLS gets the alert for that", async (scene) => {
    const { address } = await routed(scene, "default=A");
    const large = Uint8Array.of(22, 3, 1, 0x40, 0x01);
    const claims = Uint8Array.of(22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff);
    await refused(scene, address, large, Alert.RecordOverflow);
    await refused(scene, address, claims, Alert.IllegalParameter);
    await refused(scene, address, helloOf({ name: "a b" }), Alert.IllegalParameter);
    await scene.ended(3);
    expect(scene.record.reasons).toEqual(Array(3).fill("tls_hello_invalid"));
  });

  suite.case("one that is late is let go", async (scene) => {
    const { address } = await routed(scene, "default=A", { helloTimeoutMs: 200 });
    const hello = helloOf();
    const late = await scene.client(address);
    late.send(hello.subarray(0, hello.length - 1));
    expect(await scene.ended(1)).toMatchObject({ reason: "tls_hello_timeout", dials: 0 });
    await waitFor(() => late.closed, "it is let go");
  });

  suite.case("one that leaves in the middle gets the alert for that", async (scene) => {
    const { address } = await routed(scene, "default=A");
    const leaving = await scene.client(address, (end) => {
      end.keeps = true;
    });
    leaving.send(helloOf().subarray(0, 50)).finish();
    expect((await scene.ended(1)).reason).toBe("tls_hello_invalid");
    await waitFor(() => leaving.closed || leaving.finSeen, "it is let go");
    expect(Buffer.concat(leaving.chunks)).toEqual(Buffer.from(alertRecord(Alert.DecodeError)));
  });
}

function plainCases(suite: Suite): void {
  suite.case("who does not speak TLS is refused where nothing is for that", async (scene) => {
    const { address } = await routed(scene, "default=A");
    await refused(scene, address, Buffer.from("PING\r\n"), null);
    expect(await scene.ended(1)).toMatchObject({ reason: "tls_plain_text", route: null });
  });

  suite.case("or has a route of its own", async (scene) => {
    const { address, b } = await routed(scene, "default=A,plain=B");
    const client = await scene.client(address);
    client.send("PING\r\n");
    await waitFor(() => client.receivedBytes === 6, "the echo is here");
    client.reset();
    const told = { route: "plain", upstream: formatAddress(b.address), tlsName: null };
    expect(await scene.ended(1)).toMatchObject(told);
  });

  suite.case("also when it waits for its upstream to speak first", async (scene) => {
    const greeting = await scene.upstream((end) => void end.send("220 hello"));
    const address = await scene.listen([greeting], {
      routes: nameRoutes("default=refuse,plain"),
      edge: { ...edgeDefaults, helloTimeoutMs: 100 },
    });
    const client = await scene.client(address);
    await waitFor(() => client.receivedBytes === 9, "the greeting is here");
  });
}

function withinCases(suite: Suite): void {
  suite.case("a route's queue holds up no other route", async (scene) => {
    const [a, b] = [await scene.upstream(echo), await scene.upstream(echo)];
    const upstreams = [{ ...rowed(a.address, 0), maxRelays: 1 }, rowed(b.address, 1)];
    const address = await scene.listen([], {
      upstreams,
      routes: routesTo("a.test=A,b.test=B", a.address, b.address),
      dial: { ...listenerDefaults.dial, queueMs: NEVER_MS },
    });
    const first = await echoed(scene, address, { name: "a.test" });
    const second = await scene.client(address);
    const hello = helloOf({ name: "a.test" });
    second.send(hello);
    const isWaiting = async () => (await scene.engine.relays()).some((one) => one.isWaiting);
    await waitFor(isWaiting, "it waits for room");
    await echoed(scene, address, { name: "b.test" });
    expect(second.receivedBytes).toBe(0);
    first.reset();
    await waitFor(() => second.receivedBytes === hello.length, "it has room");
  });

  suite.case("a dial that fails goes on within the route", async (scene) => {
    const [down, up, other] = [scene.refusing(), await scene.upstream(echo), scene.refusing()];
    const address = await scene.listen([down, up, other], {
      routes: nameRoutes(
        `a.test=${formatAddress(down)}+${formatAddress(up.address)},b.test=${formatAddress(other)}`,
      ),
    });
    // In turn each of them comes first.
    for (let round = 0; round < 4; round++) await echoed(scene, address, { name: "a.test" });
    const client = await scene.client(address);
    client.send(helloOf({ name: "b.test" }));
    await waitFor(() => client.closed, "it is let go");
    expect(await scene.ended(1)).toMatchObject({
      reason: "connect_refused",
      dials: 1,
      upstream: formatAddress(other),
    });
  });

  suite.case("a held client gets the upstream that its route has after a reload", async (scene) => {
    const [down, a, b] = [scene.refusing(), await scene.upstream(echo), await scene.upstream(echo)];
    const options = (to: Address): ListenerOptions =>
      listener({
        upstreams: [rowed(to, 0), rowed(b.address, 1)],
        routes: routesTo("a.test=A,b.test=B", to, b.address),
        dial: { ...listenerDefaults.dial, holdMs: NEVER_MS },
      });
    const listening = await scene.engine.listen(options(down));
    const held = await scene.client(listening.address);
    const hello = helloOf({ name: "a.test" });
    held.send(hello);
    const isWaiting = async () => (await scene.engine.relays()).some((one) => one.isWaiting);
    await waitFor(isWaiting, "it is held");
    await listening.update(options(a.address));
    await waitFor(() => held.receivedBytes === hello.length, "it has its upstream");
    held.reset();
    expect((await scene.ended(1)).upstream).toBe(formatAddress(a.address));
  });
}

function toldCases(suite: Suite): void {
  suite.case("an upstream is told of name and protocol by a PROXY header", async (scene) => {
    const received: Buffer[] = [];
    const upstream = await scene.upstream((end) => {
      end.onData = (_, chunk) => void received.push(Buffer.from(chunk));
    });
    const address = await scene.listen([upstream], {
      routes: nameRoutes("default"),
      edge: { ...edgeDefaults, sendProxyProtocol: "v2" },
    });
    const hello = helloOf({ name: "a.test", alpn: ["h2"] });
    const client = await scene.client(address);
    client.send(hello);
    const all = () => Buffer.concat(received);
    await waitFor(() => all().includes(hello), "the header and the hello are there");
    const parser = new ProxyHeaderParser();
    expect(all().subarray(parser.push(all()))).toEqual(Buffer.from(hello));
    const textOf = (wanted: TlvType) =>
      parser.header?.tlvs
        .filter(({ type }) => type === wanted)
        .map(({ value }) => String(Buffer.from(value)));
    expect([textOf(TlvType.Authority), textOf(TlvType.Alpn)]).toEqual([["a.test"], ["h2"]]);
  });

  suite.case("a route function is told, and chooses within the route", async (scene) => {
    const told: Connection[] = [];
    const hook: Route = (connection) => {
      told.push(connection);
      return { upstream: connection.upstreams.at(-1) };
    };
    const route = { hook, timeoutMs: NEVER_MS, failure: "refuse" as const };
    const { address, b } = await routed(scene, "a.test=A,b.test=B", {}, { route });
    await echoed(scene, address, { name: "b.test", alpn: ["h2", "h3"] });
    const client = await scene.client(address);
    client.send(helloOf({ name: "c.test" }));
    await waitFor(() => client.closed || client.finSeen, "it is let go");
    expect(told).toMatchObject([
      {
        hello: { isTls: true, name: "b.test", alpn: ["h2", "h3"], versions: ["1.3", "1.2"] },
        route: "b.test",
        upstreams: [formatAddress(b.address)],
        states: [{ upstream: formatAddress(b.address), isOpen: true }],
      },
    ]);
  });
}
