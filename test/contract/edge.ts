import { expect } from "bun:test";
import type { Address } from "../../src/base/address.ts";
import type { Reason } from "../../src/base/reason.ts";
import { edgeDefaults, listenerDefaults } from "../../src/config/defaults.ts";
import type { AdmissionTables, EdgeOptions } from "../../src/config/options.ts";
import { NetworkSet, parseNetwork } from "../../src/entry/access/networks.ts";
import { AccessList } from "../../src/entry/access/rules.ts";
import { ClientCounts } from "../../src/entry/limits/client-counts.ts";
import { TokenBuckets } from "../../src/entry/limits/token-buckets.ts";
import { ProxyHeaderParser } from "../../src/entry/proxy-protocol/parser.ts";
import { writeProxyHeader } from "../../src/entry/proxy-protocol/writer.ts";
import { decodeSockaddr, encodeSockaddr } from "../../src/system/sockaddr.ts";
import type { End } from "../fixtures/end.ts";
import { listener, openAdmission, rowed } from "../fixtures/options.ts";
import { echo } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

const NEVER_MS = 120_000;
const MIB = 1024 * 1024;

/** What happens to a client before its upstream is dialled. */
export function edgeCases(suite: Suite): void {
  accessCases(suite);
  headerCases(suite);
  sentHeaderCases(suite);
}

/** A listener with an edge, in front of an upstream that echoes. */
async function edged(
  scene: Scene,
  edge: Partial<EdgeOptions>,
  tables: Partial<AdmissionTables> = {},
): Promise<Address> {
  const upstream = await scene.upstream(echo);
  const all = { ...edgeDefaults, ...edge, tables: { ...openAdmission, ...tables } };
  return await scene.listen([upstream], { edge: all });
}

/** A client that is let go without an answer. */
async function refused(scene: Scene, address: Address, reason: Reason): Promise<End> {
  const count = scene.record.ended.length;
  const client = await scene.client(address);
  client.send("let me in");
  const relay = await scene.ended(count + 1);
  expect(relay).toMatchObject({ reason, dials: 0 });
  await waitFor(() => client.closed || client.finSeen, "it is let go");
  expect(client.receivedBytes).toBe(0);
  return client;
}

/** Both have sent something, and none is asked for it. */
async function outsideAtStop(scene: Scene): Promise<void> {
  const headed = await edged(scene, { proxyProtocol: "required" });
  const { tables: access } = new AccessList({ allow: [], deny: [parseNetwork("127.0.0.0/8")] });
  const refusing = await edged(scene, { refusal: { tarpitMs: NEVER_MS } }, { access });
  const unknown = (await scene.client(headed)).send("PROXY TCP4 ");
  const refused = (await scene.client(refusing)).send("please");
  await waitFor(async () => (await scene.engine.relays()).length === 2, "both are here");
  expect(await scene.engine.stop(8_000)).toBe(0);
  await waitFor(() => unknown.finSeen, "it got a FIN");
  expect(unknown.closeCode).toBe(null);
  await waitFor(() => refused.closed || refused.finSeen, "it is let go");
}

async function served(scene: Scene, address: Address): Promise<End> {
  const client = await scene.client(address);
  client.send("hello");
  await waitFor(() => client.receivedBytes === 5, "the echo is here");
  return client;
}

function accessCases(suite: Suite): void {
  suite.case("a client of a network that may not come in", async (scene) => {
    const { tables: access } = new AccessList({ allow: [], deny: [parseNetwork("127.0.0.0/8")] });
    const address = await edged(scene, {}, { access });
    // Again and again, as whoever comes next may be given what was a refused one's.
    for (let round = 0; round < 5; round++) await refused(scene, address, "access_denied");
  });

  suite.case("who has not come in holds no stop up", outsideAtStop);

  suite.case("who may not come in can get a FIN", async (scene) => {
    const { tables: access } = new AccessList({ allow: [parseNetwork("10.0.0.0/8")], deny: [] });
    const address = await edged(scene, { refusal: "close" }, { access });
    const client = await scene.client(address);
    expect((await scene.ended(1)).reason).toBe("access_denied");
    await waitFor(() => client.finSeen, "it got a FIN");
  });

  suite.case("or is left to wait, however much it sends", async (scene) => {
    const { tables: access } = new AccessList({ allow: [parseNetwork("10.0.0.0/8")], deny: [] });
    const address = await edged(scene, { refusal: { tarpitMs: 500 } }, { access });
    const client = await scene.client(address);
    client.send(Buffer.alloc(8 * MIB));
    const relay = await scene.ended(1);
    expect(relay).toMatchObject({ reason: "access_denied", dials: 0 });
    expect(relay.durationMs).toBeGreaterThanOrEqual(490);
    expect(client.receivedBytes).toBe(0);
  });

  suite.case("a listener with so many relays gets no more, until one has left", async (scene) => {
    const address = await edged(
      scene,
      {},
      { rows: [{ slot: 9, most: 2, full: "listener_full" as const }] },
    );
    const first = await served(scene, address);
    await served(scene, address);
    await refused(scene, address, "listener_full");
    first.reset();
    await waitFor(async () => (await scene.engine.relays()).length === 1, "one has left");
    await served(scene, address);
  });

  suite.case(
    "as many relays of all listeners as there may be are a reason of their own",
    async (scene) => {
      const rows = [
        { slot: 9, most: 5, full: "listener_full" as const },
        { slot: 10, most: 1, full: "total_full" as const },
      ];
      const address = await edged(scene, {}, { rows });
      await served(scene, address);
      await refused(scene, address, "total_full");
      const edge = { whenFull: "wait", fullTimeoutMs: 50 } as const;
      await scene.client(await edged(scene, edge, { rows }));
      expect(await scene.ended(2)).toMatchObject({ reason: "total_full", dials: 0 });
    },
  );

  suite.case("who comes when a listener is full waits for room, in order", async (scene) => {
    const limit = { rows: [{ slot: 9, most: 1, full: "listener_full" as const }] };
    const address = await edged(scene, { whenFull: "wait", fullTimeoutMs: NEVER_MS }, limit);
    const waiting = () => scene.engine.stats().listeners[0]?.waiting;
    const first = await served(scene, address);
    const second = (await scene.client(address)).send("second");
    await waitFor(() => waiting() === 1, "it waits");
    const third = (await scene.client(address)).send("third");
    const leaver = (await scene.client(address)).send("leaver");
    await waitFor(() => waiting() === 3, "they wait behind");
    expect((await scene.engine.relays()).map(({ dials }) => dials)).toEqual([1, 0, 0, 0]);
    leaver.reset();
    expect(await scene.ended(1)).toMatchObject({ reason: "client_reset", dials: 0 });
    first.reset();
    await waitFor(() => second.receivedBytes === 6, "who came first is served first");
    expect([third.receivedBytes, waiting()]).toEqual([0, 1]);
    second.reset();
    await waitFor(() => third.receivedBytes === 5, "and then the other one");
    expect(waiting()).toBe(0);
  });

  suite.case("its wait has an end, and a bound", async (scene) => {
    const upstream = await scene.upstream(echo);
    const tables = {
      ...openAdmission,
      rows: [{ slot: 9, most: 1, full: "listener_full" as const }],
    };
    const edge = { ...edgeDefaults, whenFull: "wait", fullTimeoutMs: 300, tables } as const;
    const dial = { ...listenerDefaults.dial, queueMax: 1 };
    const address = await scene.listen([upstream], { edge, dial });
    await served(scene, address);
    await scene.client(address);
    await waitFor(async () => (await scene.engine.relays()).length === 2, "it waits");
    await scene.client(address);
    expect(await scene.ended(1)).toMatchObject({ reason: "listener_full", dials: 0 });
    const late = await scene.ended(2);
    expect(late).toMatchObject({ reason: "listener_full", dials: 0 });
    expect(late.durationMs).toBeGreaterThanOrEqual(290);
  });

  suite.case(
    "room that a reload brings is for those who wait at a full listener",
    async (scene) => {
      const upstream = await scene.upstream(echo);
      const options = (most: number) => {
        const tables = {
          ...openAdmission,
          rows: [{ slot: 9, most, full: "listener_full" as const }],
        };
        const edge = {
          ...edgeDefaults,
          whenFull: "wait",
          fullTimeoutMs: NEVER_MS,
          tables,
        } as const;
        return listener({ upstreams: [rowed(upstream.address, 0)], edge });
      };
      const listening = await scene.engine.listen(options(1));
      await served(scene, listening.address);
      const waiting = (await scene.client(listening.address)).send("x");
      await waitFor(() => scene.engine.stats().listeners[0]?.waiting === 1, "it waits");
      await listening.update(options(2));
      await waitFor(() => waiting.receivedBytes === 1, "it is served");
      // It counts where it has come in.
      const refusing = { ...options(2).edge, whenFull: "refuse" } as const;
      await listening.update({ ...options(2), edge: refusing });
      await refused(scene, listening.address, "listener_full");
      for (const client of scene.clients) client.reset();
      await waitFor(async () => (await scene.engine.relays()).length === 0, "all have left");
      await served(scene, listening.address);
      await served(scene, listening.address);
    },
  );

  suite.case("a client with so many relays gets no more, until one has left", async (scene) => {
    const counts = new SharedArrayBuffer(ClientCounts.bytesFor());
    const address = await edged(scene, { maxRelaysPerClient: 1 }, { counts });
    const first = await served(scene, address);
    await refused(scene, address, "client_full");
    first.reset();
    await waitFor(async () => (await scene.engine.relays()).length === 0, "it has left");
    await served(scene, address);
  });

  suite.case(
    "a network with so many relays gets no more, whichever client it is",
    async (scene) => {
      const networkCounts = new SharedArrayBuffer(ClientCounts.bytesFor());
      const address = await edged(scene, { maxRelaysPerNetwork: 1 }, { networkCounts });
      const first = await served(scene, address);
      await refused(scene, address, "network_full");
      first.reset();
      await waitFor(() => scene.engine.stats().relays.running === 0, "it has left");
      await served(scene, address);
    },
  );

  suite.case("a network that comes too often", async (scene) => {
    const networkRates = new SharedArrayBuffer(TokenBuckets.bytesFor());
    const edge = { networkRate: 0.01, networkBurst: 2 };
    const address = await edged(scene, edge, { networkRates });
    await served(scene, address);
    await served(scene, address);
    await refused(scene, address, "network_rate");
  });

  suite.case("a client that comes too often", async (scene) => {
    const rates = new SharedArrayBuffer(TokenBuckets.bytesFor());
    const address = await edged(scene, { clientRate: 0.01, clientBurst: 2 }, { rates });
    await served(scene, address);
    await served(scene, address);
    await refused(scene, address, "client_rate");
  });
}

const CLIENT: Address = { kind: "tcp", host: "203.0.113.7", port: 4711 };
const HERE: Address = { kind: "tcp", host: "192.0.2.1", port: 80 };

function headerOf(version: 1 | 2): Buffer {
  return Buffer.from(
    writeProxyHeader({
      version,
      command: "proxy",
      source: encodeSockaddr(CLIENT),
      destination: encodeSockaddr(HERE),
      tlvs: [],
      crc32c: version === 2,
    }),
  );
}

function headerCases(suite: Suite): void {
  const required = { proxyProtocol: "required", preambleTimeoutMs: NEVER_MS } as const;

  for (const version of [1, 2] as const) {
    suite.case(`a PROXY header, version ${version}, and bytes right behind it`, async (scene) => {
      const address = await edged(scene, required);
      const client = await scene.client(address);
      client.send(Buffer.concat([headerOf(version), Buffer.from("hello")]));
      await waitFor(() => client.receivedBytes === 5, "the echo is here");
      client.reset();
      expect(await scene.ended(1)).toMatchObject({
        client: "203.0.113.7:4711",
        up: { receivedBytes: 5, sentBytes: 5 },
      });
    });

    suite.case(`the same byte by byte, version ${version}`, async (scene) => {
      const address = await edged(scene, required);
      const client = await scene.client(address);
      for (const byte of Buffer.concat([headerOf(version), Buffer.from("hello")])) {
        client.send(Buffer.of(byte));
        await Bun.sleep(0);
      }
      await waitFor(() => client.receivedBytes === 5, "the echo is here");
      client.reset();
      expect((await scene.ended(1)).client).toBe("203.0.113.7:4711");
    });
  }

  suite.case("1 MiB right behind the header arrives whole", async (scene) => {
    const address = await edged(scene, required);
    const client = await scene.client(address);
    client.send(Buffer.concat([headerOf(2), Buffer.alloc(MIB, "r")]));
    await waitFor(() => client.receivedBytes === MIB, "all of it is back");
  });

  suite.case("no header where one must be", async (scene) => {
    await refused(scene, await edged(scene, required), "preamble_invalid");
  });

  suite.case("half a header, and then the end", async (scene) => {
    const address = await edged(scene, required);
    const client = await scene.client(address);
    client.send(headerOf(1).subarray(0, 20));
    client.finish();
    expect(await scene.ended(1)).toMatchObject({ reason: "preamble_invalid", dials: 0 });
  });

  suite.case("half a header, and then nothing", async (scene) => {
    const address = await edged(scene, { ...required, preambleTimeoutMs: 200 });
    const client = await scene.client(address);
    client.send(headerOf(2).subarray(0, 20));
    expect(await scene.ended(1)).toMatchObject({ reason: "preamble_timeout", dials: 0 });
    await waitFor(() => client.closed, "it is let go");
  });

  suite.case("whoever leaves before its header is whole", async (scene) => {
    const address = await edged(scene, required);
    const client = await scene.client(address);
    client.send(headerOf(2).subarray(0, 5));
    await waitFor(async () => (await scene.engine.relays()).length === 1, "it is here");
    client.reset();
    expect((await scene.ended(1)).dials).toBe(0);
  });

  suite.case("a header is optional from those who are trusted", async (scene) => {
    const { tables: trusted } = new NetworkSet([[parseNetwork("127.0.0.1"), true]] as const);
    const optional = { proxyProtocol: "optional", preambleTimeoutMs: NEVER_MS } as const;
    const address = await edged(scene, optional, { trusted });
    await served(scene, address);
    const client = await scene.client(address);
    client.send(Buffer.concat([headerOf(1), Buffer.from("hello")]));
    await waitFor(() => client.receivedBytes === 5, "the echo is here");
    // What begins like a header and is none is the flow's, whole.
    const other = await scene.client(address);
    other.send("PRO");
    await waitFor(async () => (await scene.engine.relays()).length === 3, "it is here");
    await Bun.sleep(20);
    other.send("FOUND");
    await waitFor(() => other.receivedBytes === 8, "all of it is back");
    const short = await scene.client(address);
    short.send("PR");
    short.finish();
    await waitFor(() => short.receivedBytes === 2, "and that of who ends early");
  });

  suite.case("a client that waits for the upstream's first word gets it", async (scene) => {
    const { tables: trusted } = new NetworkSet([[parseNetwork("127.0.0.1"), true]] as const);
    const optional = { proxyProtocol: "optional", preambleTimeoutMs: 100 } as const;
    const address = await edged(scene, optional, { trusted });
    const client = await scene.client(address);
    await waitFor(
      async () => (await scene.engine.relays())[0]?.dialMs != null,
      "its upstream was dialled",
    );
    client.send("hello");
    await waitFor(() => client.receivedBytes === 5, "the echo is here");
  });

  suite.case("nobody else's header is believed", async (scene) => {
    const { tables: trusted } = new NetworkSet([[parseNetwork("10.0.0.0/8"), true]] as const);
    await refused(scene, await edged(scene, required, { trusted }), "preamble_untrusted");
    const optional = { proxyProtocol: "optional", preambleTimeoutMs: NEVER_MS } as const;
    const address = await edged(scene, optional, { trusted });
    const client = await scene.client(address);
    const header = headerOf(1);
    client.send(header);
    await waitFor(() => client.receivedBytes === header.length, "it is a stream as any other");
    expect((await scene.engine.relays())[0]?.client).toStartWith("127.0.0.1:");
  });

  suite.case("rules are for the client that the header names", async (scene) => {
    const { tables: access } = new AccessList({
      allow: [parseNetwork("127.0.0.0/8")],
      deny: [parseNetwork("203.0.113.0/24")],
    });
    const address = await edged(scene, required, { access });
    const client = await scene.client(address);
    client.send(Buffer.concat([headerOf(1), Buffer.from("hello")]));
    expect(await scene.ended(1)).toMatchObject({
      reason: "access_denied",
      client: "203.0.113.7:4711",
    });
  });
}

function sentHeaderCases(suite: Suite): void {
  for (const version of ["v1", "v2"] as const) {
    suite.case(`an upstream is told of its client, ${version}`, async (scene) => {
      const received: Buffer[] = [];
      const upstream = await scene.upstream((end) => {
        end.onData = (_, chunk) => void received.push(Buffer.from(chunk));
      });
      const edge = { ...edgeDefaults, sendProxyProtocol: version };
      const address = await scene.listen([upstream], { edge });
      const client = await scene.client(address);
      client.send("first words");
      const all = () => Buffer.concat(received);
      await waitFor(() => all().includes("first words"), "the header and the bytes are there");
      const parser = new ProxyHeaderParser();
      const taken = parser.push(all());
      expect(parser.state).toBe("done");
      expect(all().subarray(taken).toString()).toBe("first words");
      const { client: name } = (await scene.engine.relays())[0] ?? {};
      const source = decodeSockaddr(parser.header?.source ?? new Uint8Array());
      expect(source).toMatchObject({ kind: "tcp", host: "127.0.0.1" });
      expect(name).toBe(source.kind === "tcp" ? `127.0.0.1:${source.port}` : "");
      expect(decodeSockaddr(parser.header?.destination ?? new Uint8Array())).toEqual(address);
      client.reset();
      expect((await scene.ended(1)).up.receivedBytes).toBe(11);
    });
  }
}
