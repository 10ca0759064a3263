import { expect, test } from "bun:test";
import { openAdmission } from "../../test/fixtures/options.ts";
import { edgeDefaults } from "../config/defaults.ts";
import type { AdmissionTables, EdgeOptions } from "../config/options.ts";
import { UpstreamTable } from "../upstream/table.ts";
import { clientAt } from "./access/test-addresses.ts";
import { Admission } from "./admission.ts";
import { ClientCounts } from "./limits/client-counts.ts";
import { TokenBuckets } from "./limits/token-buckets.ts";

const from = (host: number) => clientAt(`127.0.0.${host}`);
const client = from(1);

/** That of a listener with so many relays, of so many of all listeners, and one of each client. */
function admission(table: UpstreamTable, listener: number, all: number): Admission {
  for (const slot of [0, 1]) table.reset(slot, 1);
  const rows = [
    { slot: 0, most: listener, full: "listener_full" as const },
    { slot: 1, most: all, full: "total_full" as const },
  ];
  const counts = new SharedArrayBuffer(ClientCounts.bytesFor(undefined, 1));
  const tables = { ...openAdmission, rows, counts };
  const made = Admission.of({ ...edgeDefaults, maxRelaysPerClient: 1, tables }, table, 0);
  if (made === null) throw new Error("there is something to be asked");
  return made;
}

const counted = (table: UpstreamTable) => [table.running(0), table.running(1)];

test.each([
  [5, 1, "total_full"],
  [1, 5, "listener_full"],
] as const)(
  "whoever is one too many is counted nowhere, and told of what (%i, %i)",
  (listener, all, full) => {
    const table = new UpstreamTable(1);
    const made = admission(table, listener, all);
    expect(made.admit(client)).toBeNull();
    expect(made.admit(from(2))).toBe(full);
    expect(counted(table)).toEqual([1, 1]);
  },
);

test("a client is counted in every row until it leaves", () => {
  const table = new UpstreamTable(1);
  const made = admission(table, 5, 5);
  expect(made.admit(client)).toBeNull();
  expect(counted(table)).toEqual([1, 1]);
  expect(made.admit(client)).toBe("client_full");
  expect(counted(table)).toEqual([1, 1]);
  made.leave(client);
  expect(counted(table)).toEqual([0, 0]);
});

/** That of a listener that limits networks, and perhaps clients. */
function ofNetworks(edge: Partial<EdgeOptions>): Admission {
  const counts = () => new SharedArrayBuffer(ClientCounts.bytesFor(undefined, 1));
  const rates = () => new SharedArrayBuffer(TokenBuckets.bytesFor());
  const all = { ...edgeDefaults, ...edge };
  const tables: AdmissionTables = {
    ...openAdmission,
    counts: all.maxRelaysPerClient === 0 ? null : counts(),
    rates: all.clientRate === 0 ? null : rates(),
    networkCounts: all.maxRelaysPerNetwork === 0 ? null : counts(),
    networkRates: all.networkRate === 0 ? null : rates(),
  };
  return Admission.of({ ...all, tables }, new UpstreamTable(1), 0) as Admission;
}

test("a network is 24 bits of an IPv4 address, 48 of an IPv6 one, whoever its clients are", () => {
  const made = ofNetworks({ maxRelaysPerNetwork: 2, maxRelaysPerClient: 1 });
  const admit = (host: string) => made.admit(clientAt(host));
  expect([admit("10.0.0.1"), admit("10.0.0.1")]).toEqual([null, "client_full"]);
  expect([admit("::ffff:10.0.0.2"), admit("10.0.0.3")]).toEqual([null, "network_full"]);
  expect(admit("10.0.1.1")).toBeNull();
  expect([admit("2001:db8:1:1::1"), admit("2001:db8:1:2::1")]).toEqual([null, null]);
  expect([admit("2001:db8:1:3::1"), admit("2001:db8:2:1::1")]).toEqual(["network_full", null]);
  made.leave(clientAt("10.0.0.1"));
  expect([admit("10.0.0.3"), admit("10.0.0.4")]).toEqual([null, "network_full"]);
  // Who was refused is counted nowhere: its client has its one relay still to come.
  made.leave(clientAt("10.0.0.2"));
  expect(admit("10.0.0.4")).toBeNull();
});

test("a client that comes too often uses up nothing of its network's rate", () => {
  const rare = 0.001;
  const made = ofNetworks({ clientRate: rare, clientBurst: 1, networkRate: rare, networkBurst: 2 });
  const admit = (host: number) => made.admit(from(host));
  expect([admit(1), admit(1), admit(1)]).toEqual([null, "client_rate", "client_rate"]);
  expect([admit(2), admit(3)]).toEqual([null, "network_rate"]);
});
