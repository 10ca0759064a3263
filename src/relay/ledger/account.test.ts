import { beforeEach, expect, test } from "bun:test";
import type { Address } from "../../base/address.ts";
import type { Reason } from "../../base/reason.ts";
import { listenerDefaults } from "../../config/defaults.ts";
import { plainUpstream } from "../../config/listeners.ts";
import { listenerFigures } from "../../counts/figures.ts";
import { Flow } from "../../flow/flow.ts";
import { Relay } from "../../flow/relay.ts";
import type { RelayStory } from "../relay-story.ts";
import { wholeShare } from "../share.ts";
import { type ListenerAccount, nameOfListener } from "./account.ts";
import { Ledger } from "./ledger.ts";
import { Meter } from "./meter.ts";
import { Pages } from "./pages.ts";

const one: Address = { kind: "tcp", host: "10.0.0.1", port: 6379 };
/** The same upstream, as another listener has it. */
const twin: Address = { ...one };
const other: Address = { kind: "unix", path: "/run/other.sock" };

function flows(): Relay {
  const relay = new Relay(new Flow(1_000, 1_000), new Flow(1_000, 1_000));
  relay.accepted(false);
  for (const flow of [relay.up, relay.down]) flow.sourceEnded();
  return relay;
}

/** Bytes come from both ends. */
function receive({ up, down }: Relay, upBytes: number, downBytes: number): void {
  if (upBytes > 0) up.flushed(upBytes, 0);
  if (downBytes > 0) down.flushed(downBytes, 0);
}

let pages = new Pages("uring");
let account: ListenerAccount;
let ledger: Ledger<RelayStory>;
beforeEach(() => {
  ledger = new Ledger("uring", new Meter(1_024, 4_096), wholeShare, {
    segmentSize: 1_024,
    segmentCount: 8,
  });
  ({ pages } = ledger);
  account = ledger.account("a");
});

/** A relay from its beginning to its end. */
function relayed(upstream: Address | null, reason: Reason, up: number, down: number): void {
  const relay = flows();
  account.begins();
  receive(relay, up, down);
  account.takes(relay, upstream);
  account.ended(upstream, reason);
}

test("relays are counted by their upstream, however often its address was copied", () => {
  relayed(one, "client_fin", 10, 100);
  relayed(twin, "client_fin", 1, 2);
  relayed(twin, "drain", 1, 2);
  relayed(other, "connect_refused", 5, 0);
  account.begins();
  for (const change of [1, 1, -1] as const) account.waits(change);
  expect(pages.stats().listeners).toEqual([
    {
      listener: "a",
      ...listenerFigures.none(),
      accepted: 5,
      running: 1,
      waiting: 1,
      upstreams: [
        {
          upstream: "10.0.0.1:6379",
          ended: { client_fin: 2, drain: 1 },
          upBytes: 12,
          downBytes: 104,
        },
        {
          upstream: "unix:/run/other.sock",
          ended: { connect_refused: 1 },
          upBytes: 5,
          downBytes: 0,
        },
      ],
      valkey: null,
    },
  ]);
});

test("bytes count for an upstream from the moment that it is decided, and at once", () => {
  const relay = flows();
  receive(relay, 7, 0);
  expect(pages.stats().listeners[0]?.upstreams).toEqual([]);
  account.takes(relay, one);
  receive(relay, 2, 3);
  expect(pages.stats().listeners[0]?.upstreams).toMatchObject([{ upBytes: 9, downBytes: 3 }]);
});

test("a listener is called by its name, or by its address", () => {
  const options = { ...listenerDefaults, address: one, upstreams: [] } as const;
  expect(nameOfListener({ ...options }, { ...one, port: 1 })).toBe("10.0.0.1:1");
  expect(nameOfListener({ ...options, name: "redis" }, one)).toBe("redis");
});

test("of upstreams that come and go without end only the last are kept", () => {
  const at = (port: number): Address => ({ kind: "tcp", host: "10.0.0.2", port });
  const copy = new Pages("uring");
  pages.follow(
    (page) => copy.add(structuredClone(page)),
    (page) => copy.remove(structuredClone(page)),
  );
  const stays = plainUpstream(one);
  relayed(one, "client_fin", 10, 100);
  relayed(null, "no_upstream", 0, 0);
  // It runs on, wherever its upstream has gone.
  const long = flows();
  account.begins();
  account.takes(long, at(1));
  account.keep([stays, plainUpstream(at(1))]);
  for (let port = 2; port <= 2_000; port++) {
    account.keep([stays, plainUpstream(at(port))]);
    account.leave([stays, plainUpstream(at(port - 1))]);
    relayed(at(port), "client_fin", 1, 1);
  }
  const known = () => pages.stats().listeners[0]?.upstreams ?? [];
  const names = known().map(({ upstream }) => upstream);
  // Who is there, none, who has a relay yet, the last one, and those that were there before it.
  expect(names).toHaveLength(4 + 256);
  expect(names.slice(0, 4)).toEqual(["10.0.0.1:6379", null, "10.0.0.2:1", "10.0.0.2:1744"]);
  expect(names.at(-1)).toBe("10.0.0.2:2000");
  relayed(one, "client_fin", 1, 1);
  expect(known()[0]).toMatchObject({ ended: { client_fin: 2 }, upBytes: 11 });
  receive(long, 5, 0);
  account.ended(at(1), "drain");
  expect(known()[2]).toMatchObject({ ended: { drain: 1 }, upBytes: 5 });
  // Readers in other threads see the same.
  expect(copy.stats().listeners).toEqual(pages.stats().listeners);
});

test("listeners of one name may have different upstreams, and none of these is forgotten", () => {
  const at = (port: number) => plainUpstream({ kind: "tcp", host: "10.0.0.3", port });
  const all = Array.from({ length: 600 }, (_, index) => at(index + 1));
  for (const upstream of all) account.keep([upstream]);
  for (const { address } of all) relayed(address, "client_fin", 1, 1);
  // A reload: each gets new options.
  for (const upstream of all) {
    account.keep([upstream]);
    account.leave([upstream]);
  }
  const known = () => pages.stats().listeners[0]?.upstreams.map(({ upstream }) => upstream) ?? [];
  expect(known()).toHaveLength(600);
  // The range becomes narrower.
  for (const upstream of all.slice(100)) account.leave([upstream]);
  expect(known()).toHaveLength(100 + 256);
  expect(known().slice(0, 100).at(-1)).toBe("10.0.0.3:100");
});
