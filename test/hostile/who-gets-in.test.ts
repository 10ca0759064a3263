import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Address } from "../../src/base/address.ts";
import { edgeDefaults, listenerDefaults } from "../../src/config/defaults.ts";
import { plainUpstream } from "../../src/config/listeners.ts";
import type { WantedListener } from "../../src/config/options.ts";
import { Edges } from "../../src/control/edges.ts";
import { nextOf } from "../../src/control/test-next.ts";
import { parseNetwork } from "../../src/entry/access/networks.ts";
import { Ledger } from "../../src/relay/ledger/ledger.ts";
import { Meter } from "../../src/relay/ledger/meter.ts";
import { wholeShare } from "../../src/relay/share.ts";
import { encodeSockaddr } from "../../src/system/sockaddr.ts";
import { UpstreamTable } from "../../src/upstream/table.ts";
import { FUZZ_TIMEOUT_MS, fuzz } from "../model/fuzz.ts";
import {
  AdmissionModel,
  beginnings,
  hosts,
  networks,
  type Rules,
  type Visit,
} from "./admission-model.ts";
import { Carrier, CarrierListener } from "./carrier.ts";

const memory = { segmentSize: 4096, segmentCount: 512 };
const ledger = new Ledger<never>("sockets", new Meter(4096, 4096), wholeShare, memory);
const account = ledger.account("here");
const upstream = plainUpstream({ kind: "tcp", host: "127.0.0.1", port: 1 });

/** So rarely that no second connection fits into a test. */
const RARELY = 0.001;

/** A listener that was configured so, as its engine gets it. */
async function listenerOf(rules: Rules): Promise<CarrierListener> {
  const { listener, mode, from, clientBurst, networkBurst, headersMax, ...limits } = rules;
  const address: Address =
    listener === "unix"
      ? { kind: "unix", path: "/run/here.sock" }
      : { kind: "tcp", host: "::", port: 80 };
  const list = (texts: readonly string[]) => ({ networks: texts.map(parseNetwork), files: [] });
  const wanted: WantedListener = {
    ...listenerDefaults,
    address,
    upstreams: [upstream],
    edge: {
      ...edgeDefaults,
      ...limits,
      allow: list(rules.allow),
      deny: list(rules.deny),
      proxyProtocol: mode,
      proxyProtocolFrom: from === "any" ? "any" : list(from),
      ...(clientBurst > 0 ? { clientRate: RARELY, clientBurst } : {}),
      ...(networkBurst > 0 ? { networkRate: RARELY, networkBurst } : {}),
    },
  };
  const table = new UpstreamTable(1);
  for (const slot of [0, 1]) table.reset(slot, 1);
  const edges = new Edges(1, { rowOf: () => 1, keepRows() {} });
  const next = nextOf([wanted]);
  await edges.stage(next);
  const [adopted] = next.edged;
  return new CarrierListener(adopted as never, account, table, headersMax);
}

/** A visit, in how many pieces its words come, and when it speaks and leaves, counted in arrivals. */
interface Guest extends Visit {
  readonly piece: number;
  readonly speaksAfter: number;
  readonly leavesAfter: number;
}

const some = (max: number) => fc.nat({ max });
const seldom = (max: number) => fc.oneof(fc.constant(0), fc.integer({ min: 1, max }));
const anyNetworks = fc.subarray([...networks]);

const anyRules: fc.Arbitrary<Rules> = fc.record({
  listener: fc.constantFrom("tcp" as const, "tcp" as const, "unix" as const),
  mode: fc.constantFrom("off" as const, "optional" as const, "required" as const),
  from: fc.oneof(fc.constant("any" as const), fc.subarray([...networks], { minLength: 1 })),
  allow: anyNetworks,
  deny: fc.oneof(fc.constant([]), anyNetworks),
  maxRelays: seldom(4),
  maxRelaysPerClient: seldom(2),
  maxRelaysPerNetwork: seldom(3),
  clientBurst: seldom(2),
  networkBurst: seldom(3),
  headersMax: fc.integer({ min: 1, max: 3 }),
});

const anyGuest = (listener: Rules["listener"]): fc.Arbitrary<Guest> =>
  fc
    .record({
      peer: listener === "unix" ? fc.constant("unix" as const) : fc.constantFrom(...hosts, null),
      words: fc.constantFrom(...beginnings),
      cut: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
      end: fc.constantFrom("fin" as const, "silence" as const, "reset" as const),
      piece: fc.constantFrom(1, 7, 1_000),
      speaksAfter: some(4),
      leavesAfter: some(8),
    })
    .map(({ cut, ...guest }) => ({ ...guest, size: Math.round(cut * guest.words.bytes.length) }));

const anyParty = anyRules.chain((rules) =>
  fc.tuple(fc.constant(rules), fc.array(anyGuest(rules.listener), { maxLength: 10 })),
);

test(
  "who gets in is exactly whom the model lets in, whatever listener, header, rule and limit",
  async () => {
    await fc.assert(
      fc.asyncProperty(anyParty, async ([rules, guests]) => {
        const listener = await listenerOf(rules);
        const model = new AdmissionModel<Guest>(rules);
        const carriers = guests.map(() => new Carrier(listener));
        const compare = () => {
          for (const [index, guest] of guests.entries()) {
            const { isIn, refusedFor, ended } = carriers[index] as Carrier;
            const verdict = isIn ? "in" : (refusedFor ?? ended ?? "waits");
            const expected = model.verdicts.get(guest) ?? "waits";
            expect([index, verdict]).toEqual([index, expected]);
          }
        };
        for (let now = 0; now < guests.length + 16; now++) {
          for (const [index, guest] of guests.entries()) {
            const carrier = carriers[index] as Carrier;
            if (now === index) {
              const { peer } = guest;
              // What a unix client has bound itself to must not matter; an unknown one has nothing.
              const address =
                peer === "unix" || peer === null
                  ? null
                  : encodeSockaddr({ kind: "tcp", host: peer.host, port: 4_000 + index });
              carrier.accept(index, listener.options.address, address);
              model.comes(guest);
            }
            if (now === index + guest.speaksAfter) {
              carrier.says(guest.words.bytes.subarray(0, guest.size), guest.piece);
              if (guest.end === "fin") carrier.finishes();
              if (guest.end === "silence") carrier.stepLate("preamble_timeout");
              if (guest.end === "reset") carrier.leaves();
              model.speaks(guest);
              if (guest.end === "reset") model.leaves(guest);
            }
            if (now === index + guest.speaksAfter + guest.leavesAfter) {
              carrier.leaves();
              model.leaves(guest);
            }
          }
          compare();
        }
      }),
      fuzz(1_500),
    );
  },
  FUZZ_TIMEOUT_MS,
);
