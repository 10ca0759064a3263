import { expect, test } from "bun:test";
import type { Address } from "../../base/address.ts";
import { numberOfReason, reasons } from "../../base/reason.ts";
import { Count } from "../../counts/figures.ts";
import { Flow } from "../../flow/flow.ts";
import { Relay } from "../../flow/relay.ts";
import type { RelayStory } from "../relay-story.ts";
import { wholeShare } from "../share.ts";
import type { ListenerAccount } from "./account.ts";
import { Ledger } from "./ledger.ts";
import { Meter } from "./meter.ts";
import type { Page } from "./page.ts";
import { Pages } from "./pages.ts";
import { noStats } from "./total.ts";

const memory = { segmentSize: 1_024, segmentCount: 8 };
const one: Address = { kind: "tcp", host: "10.0.0.1", port: 6379 };

function newLedger(): { ledger: Ledger<RelayStory>; meter: Meter } {
  const meter = new Meter(memory.segmentSize, 4_096);
  return { ledger: new Ledger("uring", meter, wholeShare, memory), meter };
}

/** A relay begins and gets an upstream. */
function begin(account: ListenerAccount, upstream: Address | null = one): Relay {
  const relay = new Relay(new Flow(4_096, 4_096), new Flow(4_096, 4_096));
  relay.up.totals = account.totals.up;
  relay.down.totals = account.totals.discardedDown;
  relay.accepted(false);
  account.begins();
  account.takes(relay, upstream);
  return relay;
}

/** What does not depend on when it is asked. */
const figures = (pages: Pages) => ({ ...pages.stats(), durationMs: 0 });

test("without any they show an engine that has done nothing", () => {
  expect(figures(new Pages("sockets"))).toEqual(noStats("sockets"));
});

test("a follower reads the same, whenever pages are added", () => {
  const { ledger, meter } = newLedger();
  const account = ledger.account("a");
  const copy = new Pages("uring");
  // As they travel to another thread: the memory is shared, all else is copied.
  ledger.pages.follow(
    (page) => copy.add(structuredClone(page)),
    () => {},
  );
  const relay = begin(account);
  relay.up.received(3);
  relay.down.received(5);
  relay.down.sent(5);
  meter.received(3);
  meter.sent(2_000);
  ledger.account("b").begins();
  ledger.add(Count.acceptPauses);
  expect(figures(copy)).toEqual(figures(ledger.pages));
  expect(copy.stats()).toMatchObject({
    up: { receives: 1, receivedBytes: 3, sends: 0 },
    down: { receivedBytes: 5, sends: 0, sentBytes: 0, discardedBytes: 5 },
    listeners: [
      { listener: "a", running: 1, upstreams: [{ upBytes: 3, downBytes: 5 }] },
      { listener: "b", accepted: 1, upstreams: [] },
    ],
    memory,
    ring: null,
    receiveSegments: [0, 1],
    sendSegments: [0, 0, 1],
    acceptPauses: 1,
  });
});

test("an account that is asked for again has no other pages", () => {
  const { ledger } = newLedger();
  const pages: Page[] = [];
  ledger.pages.follow(
    (page) => pages.push(page),
    () => {},
  );
  for (let reload = 0; reload < 1_000; reload++) {
    // After a reload other objects stand for the same listener and upstream.
    begin(ledger.account("a"), { ...one });
    begin(ledger.account("b"), null);
  }
  expect(pages.map(({ kind }) => kind)).toEqual([
    "engine",
    "listener",
    "upstream",
    "listener",
    "upstream",
  ]);
});

test("relays of a dead engine count as ended by that, once", () => {
  const { ledger } = newLedger();
  const { pages } = ledger;
  const [a, b] = [ledger.account("a"), ledger.account("b")];
  for (const account of [a, a, a, b]) {
    begin(account).up.received(7);
    ledger.add(Count.accepted);
  }
  a.ended(one, "client_fin");
  ledger.add(Count.ended);
  b.waits(1);
  const before = pages.stats();
  pages.close();
  pages.close();
  const after = pages.stats();
  expect(after.relays).toMatchObject({ accepted: 4, running: 0, ended: 4 });
  expect(after.relays.reasons).toEqual({ worker_failed: 3 });
  expect(after.listeners).toMatchObject([
    {
      accepted: 3,
      running: 0,
      upstreams: [
        { upstream: "10.0.0.1:6379", ended: { client_fin: 1 }, upBytes: 21 },
        { upstream: null, ended: { worker_failed: 2 }, upBytes: 0 },
      ],
    },
    {
      accepted: 1,
      running: 0,
      waiting: 0,
      upstreams: [{ upBytes: 7 }, { ended: { worker_failed: 1 } }],
    },
  ]);
  expect(after.up).toEqual(before.up);
});

test("every reason has a place of its own", () => {
  expect(reasons.map(numberOfReason)).toEqual(reasons.map((_, number) => number));
});
