import { describe, expect } from "bun:test";
import { edgeDefaults } from "../../../src/config/defaults.ts";
import type { AdmissionTables, EdgeOptions, ListenerOptions } from "../../../src/config/options.ts";
import { parseNetwork } from "../../../src/entry/access/network.ts";
import { NetworkSet } from "../../../src/entry/access/networks.ts";
import { AccessList } from "../../../src/entry/access/rules.ts";
import { ClientCounts } from "../../../src/entry/limits/client-counts.ts";
import { TokenBuckets } from "../../../src/entry/limits/token-buckets.ts";
import { writeProxyHeader } from "../../../src/entry/proxy-protocol/writer.ts";
import { encodeSockaddr } from "../../../src/system/sockaddr.ts";
import { dialing, openAdmission } from "../../fixtures/options.ts";
import { LATE_MS, NEVER_MS, policy, type Scene } from "../scene.ts";
import { echo } from "../scripted-world.ts";

// Who may come in, and how many.

/** Where the row of the listener is, behind those of upstreams. */
const ROW = 9;
const HOST = "10.1.0.7";

/** An edge with these rules. */
function edge(
  options: Partial<EdgeOptions>,
  tables: Partial<AdmissionTables> = {},
): Pick<ListenerOptions, "edge"> {
  return { edge: { ...edgeDefaults, ...options, tables: { ...openAdmission, ...tables } } };
}

/** A listener that may have so many relays. */
function atMost(most: number): Partial<AdmissionTables> {
  return { rows: [{ slot: ROW, most, full: "listener_full" as const }] };
}

/** A client that is let go without an answer. */
function refused(scene: Scene, reason: string, host?: string): void {
  const count = scene.record.ended.length;
  const client = scene.client(host === undefined ? {} : { host }).send(9);
  expect(scene.ended(count + 1)).toMatchObject({ reason, dials: 0 });
  expect(client.isLetGo).toBe(true);
  expect(client.receivedBytes).toBe(0);
}

/** Waits until nobody is there. */
function emptied(scene: Scene): void {
  scene.until("all have left", () => scene.relays().length === 0);
}

function counts(): SharedArrayBuffer {
  return new SharedArrayBuffer(ClientCounts.bytesFor());
}

function rates(): SharedArrayBuffer {
  return new SharedArrayBuffer(TokenBuckets.bytesFor());
}

describe("a listener with so many relays", () => {
  policy("gets no more, until one has left", (scene) => {
    scene.listen([scene.upstream(echo)], edge({}, atMost(2)));
    const first = scene.served();
    scene.served();
    refused(scene, "listener_full");
    first.reset();
    scene.until("one has left", () => scene.relays().length === 1);
    scene.served();
  });

  policy("and all listeners together: that is a reason of its own", (scene) => {
    const rows = [
      { slot: ROW, most: 5, full: "listener_full" as const },
      { slot: ROW + 1, most: 1, full: "total_full" as const },
    ];
    const upstreams = [scene.upstream(echo)];
    const { update } = scene.listen(upstreams, edge({}, { rows }));
    scene.served();
    refused(scene, "total_full");
    update(edge({ whenFull: "wait", fullTimeoutMs: 50 }, { rows }));
    refused(scene, "total_full");
  });

  policy("lets who comes wait for room, in order", (scene) => {
    const waits = edge({ whenFull: "wait", fullTimeoutMs: NEVER_MS }, atMost(1));
    scene.listen([scene.upstream(echo)], waits);
    const first = scene.served();
    const second = scene.client().send(6);
    scene.until("it waits", () => scene.waiting === 1);
    const third = scene.client().send(5);
    const leaver = scene.client().send(6);
    scene.until("they wait behind", () => scene.waiting === 3);
    expect(scene.relays().map(({ dials }) => dials)).toEqual([1, 0, 0, 0]);
    leaver.reset();
    expect(scene.ended(1)).toMatchObject({ reason: "client_reset", dials: 0 });
    first.reset();
    scene.until("who came first is served first", () => second.receivedBytes === 6);
    expect([third.receivedBytes, scene.waiting]).toEqual([0, 1]);
    second.reset();
    scene.until("and then the other one", () => third.receivedBytes === 5);
    expect(scene.waiting).toBe(0);
  });

  policy("lets nobody wait for ever, nor more than so many", (scene) => {
    const waits = edge({ whenFull: "wait", fullTimeoutMs: 300 }, atMost(1));
    scene.listen([scene.upstream(echo)], { ...waits, ...dialing({ queueMax: 1 }) });
    scene.served();
    scene.client();
    scene.until("it waits", () => scene.relays().length === 2);
    scene.client();
    expect(scene.ended(1)).toMatchObject({ reason: "listener_full", dials: 0 });
    const late = scene.ended(2);
    expect(late).toMatchObject({ reason: "listener_full", dials: 0 });
    expect(late.durationMs).toBeWithin(300, 300 + LATE_MS);
  });

  policy("gives the room that a reload brings to those who wait", (scene) => {
    const waits = { whenFull: "wait", fullTimeoutMs: NEVER_MS } as const;
    const { update } = scene.listen([scene.upstream(echo)], edge(waits, atMost(1)));
    scene.served();
    const waiting = scene.client().send(1);
    scene.until("it waits", () => scene.waiting === 1);
    update(edge(waits, atMost(2)));
    scene.until("it is served", () => waiting.receivedBytes === 1);
    // It counts where it has come in.
    update(edge({ whenFull: "refuse" }, atMost(2)));
    refused(scene, "listener_full");
    for (const client of scene.clients) client.reset();
    emptied(scene);
    scene.served();
    scene.served();
  });
});

describe("a client", () => {
  policy("with so many relays gets no more, until one has left", (scene) => {
    scene.listen([scene.upstream(echo)], edge({ maxRelaysPerClient: 1 }, { counts: counts() }));
    const first = scene.served(HOST);
    refused(scene, "client_full", HOST);
    scene.served("10.1.0.8").reset();
    first.reset();
    emptied(scene);
    scene.served(HOST);
  });

  policy("that comes too often", (scene) => {
    const limit = edge({ clientRate: 0.01, clientBurst: 2 }, { rates: rates() });
    scene.listen([scene.upstream(echo)], limit);
    scene.served(HOST);
    scene.served(HOST);
    refused(scene, "client_rate", HOST);
    scene.served("10.1.0.8");
  });
});

describe("a network", () => {
  policy("with so many relays gets no more, whichever client it is", (scene) => {
    const limit = edge({ maxRelaysPerNetwork: 1 }, { networkCounts: counts() });
    scene.listen([scene.upstream(echo)], limit);
    const first = scene.served(HOST);
    refused(scene, "network_full", "10.1.0.8");
    first.reset();
    emptied(scene);
    scene.served("10.1.0.8");
  });

  policy("that comes too often", (scene) => {
    const limit = edge({ networkRate: 0.01, networkBurst: 2 }, { networkRates: rates() });
    scene.listen([scene.upstream(echo)], limit);
    scene.served(HOST);
    scene.served("10.1.0.8");
    refused(scene, "network_rate", "10.1.0.9");
  });
});

/** The header of a client that has not connected itself. */
function headerOf(host: string): Uint8Array {
  return writeProxyHeader({
    version: 1,
    command: "proxy",
    source: encodeSockaddr({ kind: "tcp", host, port: 4711 }),
    destination: encodeSockaddr({ kind: "tcp", host: "192.0.2.1", port: 80 }),
    tlvs: [],
    crc32c: false,
  });
}

describe("a PROXY header", () => {
  const required = { proxyProtocol: "required", preambleTimeoutMs: NEVER_MS } as const;

  policy("has to come where one must be", (scene) => {
    scene.listen([scene.upstream(echo)], edge(required));
    refused(scene, "preamble_invalid");
  });

  policy("has to come in time", (scene) => {
    scene.listen([scene.upstream(echo)], edge({ ...required, preambleTimeoutMs: 200 }));
    const client = scene.client({ begins: headerOf("203.0.113.7").subarray(0, 20) });
    const relay = scene.ended(1);
    expect(relay).toMatchObject({ reason: "preamble_timeout", dials: 0 });
    expect(relay.durationMs).toBeWithin(200, 200 + LATE_MS);
    expect(client.isLetGo).toBe(true);
  });

  policy("has to come from somebody who is trusted, where it must be", (scene) => {
    const { tables: trusted } = new NetworkSet([[parseNetwork("172.16.0.0/12"), true]] as const);
    scene.listen([scene.upstream(echo)], edge(required, { trusted }));
    refused(scene, "preamble_untrusted");
  });

  policy("names the client whom the rules are for", (scene) => {
    const deny = [parseNetwork("203.0.113.0/24")];
    const { tables: access } = new AccessList({ allow: [parseNetwork("10.0.0.0/8")], deny });
    scene.listen([scene.upstream(echo)], edge(required, { access }));
    scene.client({ begins: headerOf("203.0.113.7") }).send(5);
    expect(scene.ended(1)).toMatchObject({ reason: "access_denied", client: "203.0.113.7:4711" });
  });

  policy("of a client that waits for the upstream's first word is not waited for", (scene) => {
    const { tables: trusted } = new NetworkSet([[parseNetwork("10.0.0.0/8"), true]] as const);
    const optional = { proxyProtocol: "optional", preambleTimeoutMs: 100 } as const;
    scene.listen([scene.upstream(echo)], edge(optional, { trusted }));
    const client = scene.client();
    scene.until("its upstream was dialled", () => scene.relays()[0]?.dialMs != null);
    expect(scene.relays()[0]?.dialMs).toBeWithin(100, 100 + LATE_MS);
    client.send(5);
    scene.until("the echo is here", () => client.receivedBytes === 5);
  });
});

policy("who has not come in holds no stop up", (scene) => {
  const { tables: access } = new AccessList({ allow: [], deny: [parseNetwork("10.1.0.0/16")] });
  const required = { proxyProtocol: "required", preambleTimeoutMs: NEVER_MS } as const;
  const tarpit = { ...required, refusal: { tarpitMs: NEVER_MS } } as const;
  scene.listen([scene.upstream(echo)], edge(tarpit, { access }));
  const unknown = scene.client({ begins: headerOf("203.0.113.7").subarray(0, 11) });
  const refused = scene.client({ begins: headerOf(HOST) }).send(6);
  scene.until("both are here", () => scene.relays().length === 2);
  scene.settle();
  const { afterMs, cut } = scene.stop(8_000).through();
  expect(cut).toBe(0);
  expect(afterMs).toBeLessThan(8_000);
  expect(unknown.finSeen).toBe(true);
  expect(refused.isLetGo).toBe(true);
});
