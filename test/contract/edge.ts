import { expect } from "bun:test";
import type { Address } from "../../src/base/address.ts";
import type { Reason } from "../../src/base/reason.ts";
import { edgeDefaults } from "../../src/config/defaults.ts";
import type { AdmissionTables, EdgeOptions } from "../../src/config/options.ts";
import { NetworkSet, parseNetwork } from "../../src/entry/access/networks.ts";
import { AccessList } from "../../src/entry/access/rules.ts";
import { ProxyHeaderParser } from "../../src/entry/proxy-protocol/parser.ts";
import { writeProxyHeader } from "../../src/entry/proxy-protocol/writer.ts";
import { decodeSockaddr, encodeSockaddr } from "../../src/system/sockaddr.ts";
import type { End } from "../fixtures/end.ts";
import { openAdmission } from "../fixtures/options.ts";
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

  suite.case("half a header, and then the end", async (scene) => {
    const address = await edged(scene, required);
    const client = await scene.client(address);
    client.send(headerOf(1).subarray(0, 20));
    client.finish();
    expect(await scene.ended(1)).toMatchObject({ reason: "preamble_invalid", dials: 0 });
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

  suite.case("nobody else's header is believed", async (scene) => {
    const { tables: trusted } = new NetworkSet([[parseNetwork("10.0.0.0/8"), true]] as const);
    await refused(scene, await edged(scene, required, { trusted }), "preamble_untrusted");
    const optional = { proxyProtocol: "optional", preambleTimeoutMs: NEVER_MS } as const;
    const address = await edged(scene, optional, { trusted });
    const client = await scene.client(address);
    const header = headerOf(1);
    client.send(header);
    await waitFor(() => client.receivedBytes === header.length, "it is a stream like any other");
    expect((await scene.engine.relays())[0]?.client).toStartWith("127.0.0.1:");
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
