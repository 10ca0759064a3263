import { expect, test } from "bun:test";
import { edgeDefaults } from "../config/edge.ts";
import { UpstreamTable } from "../upstream/table.ts";
import { clientAt } from "./access/test-addresses.ts";
import { Admission } from "./admission.ts";
import { ClientCounts } from "./limits/client-counts.ts";

const from = (host: number) => clientAt(`127.0.0.${host}`);
const client = from(1);

/** That of a listener with so many relays, of so many of all listeners, and one of each client. */
function admission(table: UpstreamTable, listener: number, all: number): Admission {
  for (const slot of [0, 1]) table.reset(slot, 1);
  const rows = [
    { slot: 0, most: listener },
    { slot: 1, most: all },
  ];
  const counts = new SharedArrayBuffer(ClientCounts.bytesFor(undefined, 1));
  const gate = { access: null, trusted: null, rows, rates: null, counts };
  const made = Admission.of({ ...edgeDefaults, maxRelaysPerClient: 1, gate }, table, 0, 16);
  if (made === null) throw new Error("there is something to be asked");
  return made;
}

const counted = (table: UpstreamTable) => [table.running(0), table.running(1)];

test.each([
  [5, 1],
  [1, 5],
])("whoever is one too many is counted nowhere (%i, %i)", (listener, all) => {
  const table = new UpstreamTable(1);
  const made = admission(table, listener, all);
  expect(made.admit(client)).toBeNull();
  expect(made.admit(from(2))).toBe("listener_full");
  expect(counted(table)).toEqual([1, 1]);
});

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
