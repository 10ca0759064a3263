import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FUZZ_TIMEOUT_MS, fuzz } from "../../test/model/fuzz.ts";
import { outcome, relayMisuses } from "../../test/model/misuse.ts";
import { relayProperty } from "../../test/model/relay-property.ts";
import { type Reason, Side, sideOf } from "../base/reason.ts";
import { Effect, Flow, Phase } from "./flow.ts";
import { Relay, RelayEffect, RelayPhase } from "./relay.ts";

const { Client, Upstream } = Side;

function freshRelay(): Relay {
  return new Relay(new Flow(4, 4), new Flow(4, 4));
}

/** A relay whose upstream answered: both ends may speak. */
function relaying(): Relay {
  const relay = freshRelay();
  expect(relay.accepted(true)).toBe(RelayEffect.Dial);
  expect(relay.dialed()).toBe(RelayEffect.Begin);
  expect(relay.up.sent(0)).toBe(Effect.None);
  return relay;
}

/** Carries `size` bytes from `side` to the other end. */
function carry(relay: Relay, side: Side, size: number): void {
  expect(relay.from(side).received(size)).toBe(Effect.Send);
  relay.from(side).sent(size);
}

describe("a life story", () => {
  test("a question, the client's FIN, the answer, the upstream's FIN", () => {
    const relay = relaying();
    carry(relay, Client, 3);
    expect(relay.sourceEnded(Client)).toBe(Effect.End);
    expect(relay.passesEnd).toBe(true);
    relay.up.ended();
    expect(relay.settle()).toBe(RelayEffect.None);

    // Half-close: the other direction lives on.
    carry(relay, Upstream, 4);
    expect(relay.sourceEnded(Upstream)).toBe(Effect.End);
    expect(relay.passesEnd).toBe(true);
    relay.down.ended();
    expect(relay.settle()).toBe(RelayEffect.Close);
    expect(relay.reason).toBe("client_fin");
    relay.free();
    expect(relay.phase).toBe(RelayPhase.Free);
  });

  test("the slot's next tenant has another generation and no reason yet", () => {
    const relay = relaying();
    expect(relay.generation).toBe(1);
    relay.terminate("drain");
    relay.up.stopped();
    relay.down.stopped();
    expect(relay.settle()).toBe(RelayEffect.Close);
    relay.free();
    expect(relay.settle()).toBe(RelayEffect.None);
    expect(relay.accepted(true)).toBe(RelayEffect.Dial);
    expect([relay.generation, relay.reason]).toEqual([2, null]);
  });

  test("without an upstream to dial it relays at once", () => {
    const relay = freshRelay();
    expect(relay.accepted(false)).toBe(RelayEffect.None);
    expect(relay.phase).toBe(RelayPhase.Relaying);
    carry(relay, Client, 4);
    expect(relay.up.sentBytes).toBe(4);
  });

  test("the upstream that ends first is the reason", () => {
    const relay = relaying();
    relay.sourceEnded(Upstream);
    relay.down.ended();
    relay.sourceEnded(Client);
    relay.up.ended();
    expect(relay.settle()).toBe(RelayEffect.Close);
    expect(relay.reason).toBe("upstream_fin");
  });
});

describe("dialling", () => {
  test("what the client sends meanwhile is delivered first, and so is its end", () => {
    const relay = freshRelay();
    relay.accepted(true);
    expect(relay.up.received(4)).toBe(Effect.None);
    expect(relay.sourceEnded(Client)).toBe(Effect.None);
    expect(relay.settle()).toBe(RelayEffect.None);
    expect(relay.dialed()).toBe(RelayEffect.Begin);
    expect(relay.up.sent(0)).toBe(Effect.Send);
    expect(relay.up.sent(4)).toBe(Effect.End);
  });

  test("a failed dial is followed by one at another upstream", () => {
    const relay = freshRelay();
    relay.accepted(true);
    expect(relay.dialFailed("connect_refused", true)).toBe(RelayEffect.Dial);
    expect([relay.dialing, relay.reason]).toEqual([true, null]);
    expect(relay.dialed()).toBe(RelayEffect.Begin);
  });

  test("the last failed dial closes the client at once, with its reason", () => {
    const relay = freshRelay();
    relay.accepted(true);
    relay.up.received(2);
    expect(relay.dialFailed("connect_refused", true)).toBe(RelayEffect.Dial);
    // Its bytes wait, so it is not being read: nothing is in flight any more.
    const effects = relay.dialFailed("connect_timeout", false);
    expect(effects).toBe(RelayEffect.Terminate | RelayEffect.Close);
    expect([relay.reason, relay.up.lostBytes]).toEqual(["connect_timeout", 2]);
  });

  test("a client that is still being read is joined before its relay closes", () => {
    const relay = freshRelay();
    relay.accepted(true);
    expect(relay.dialFailed("connect_refused", false)).toBe(RelayEffect.Terminate);
    expect(relay.settle()).toBe(RelayEffect.None);
    relay.up.stopped();
    expect(relay.settle()).toBe(RelayEffect.Close);
    expect(relay.reason).toBe("connect_refused");
  });

  test.each([
    ["succeeds late", (relay: Relay) => relay.dialed()],
    ["fails late", (relay: Relay) => relay.dialFailed("connect_refused", true)],
  ])("a client that is gone meanwhile waits for the dial, which %s", (_, dial) => {
    const relay = freshRelay();
    relay.accepted(true);
    relay.reset(Client);
    expect(relay.settle()).toBe(RelayEffect.Terminate);
    expect(relay.settle()).toBe(RelayEffect.None);
    expect(dial(relay)).toBe(RelayEffect.Close);
    expect(relay.reason).toBe("client_reset");
  });
});

describe("a reset", () => {
  test("travels as RST, behind what came before it", () => {
    const relay = relaying();
    relay.down.received(4);
    expect(relay.reset(Upstream)).toBe(Effect.None);
    expect(relay.settle()).toBe(RelayEffect.None);
    expect(relay.passesEnd).toBe(false);
    expect(relay.down.sent(4)).toBe(Effect.End);
    relay.down.ended();
    expect(relay.settle()).toBe(RelayEffect.Terminate);
    relay.up.stopped();
    expect(relay.settle()).toBe(RelayEffect.Close);
    expect(relay.reason).toBe("upstream_reset");
    expect([relay.down.sentBytes, relay.down.lostBytes]).toEqual([4, 0]);
  });

  test("aborts the other flow at once", () => {
    const relay = relaying();
    relay.up.received(3);
    relay.reset(Upstream);
    expect(Phase[relay.up.phase]).toBe("Aborted");
    expect([relay.up.lostBytes, relay.up.sending]).toEqual([3, true]);
  });

  test("from both sides: the first one is the reason", () => {
    const relay = relaying();
    relay.up.received(4);
    relay.reset(Client);
    expect(relay.settle()).toBe(RelayEffect.None);
    relay.reset(Upstream);
    relay.up.sent(0);
    expect(relay.settle()).toBe(RelayEffect.Terminate | RelayEffect.Close);
    expect(relay.reason).toBe("client_reset");
  });
});

describe("terminate", () => {
  test("loses what is queued, waits for what is in flight, closes once", () => {
    const relay = relaying();
    relay.up.received(3);
    expect(relay.terminate("drain")).toBe(RelayEffect.Terminate);
    expect(relay.terminate("half_close_timeout")).toBe(RelayEffect.None);
    expect([relay.reason, relay.up.lostBytes]).toEqual(["drain", 3]);
    expect(relay.up.sent(1)).toBe(Effect.None);
    expect(relay.settle()).toBe(RelayEffect.None);
    expect(relay.reset(Upstream)).toBe(Effect.None);
    expect(relay.settle()).toBe(RelayEffect.Close);
    expect(relay.settle()).toBe(RelayEffect.None);
  });

  test("of a relay that drains after a reset keeps the reset as its reason", () => {
    const relay = relaying();
    relay.down.received(4);
    relay.reset(Upstream);
    expect(relay.terminate("drain")).toBe(RelayEffect.Terminate);
    expect(relay.reason).toBe("upstream_reset");
  });
});

test("a reason names the side that it belongs to", () => {
  const sides: [Reason, Side | null][] = [
    ["client_fin", Client],
    ["upstream_reset", Upstream],
    ["connect_refused", Upstream],
    ["descriptor_limit", null],
    ["drain", null],
  ];
  for (const [reason, side] of sides) expect(sideOf(reason)).toBe(side);
});

test("a lost target ends its own flow only; what it sent before still goes the other way", () => {
  const relay = relaying();
  expect(relay.targetLost(Upstream)).toBe(true);
  expect(relay.targetLost(Upstream)).toBe(false);
  expect(relay.up.phase).toBe(Phase.Aborted);
  expect(relay.settle()).toBe(RelayEffect.None);
  carry(relay, Upstream, 2);
  expect(relay.down.sentBytes).toBe(2);
  expect(relay.passesEnd).toBe(false);
  expect(relay.reset(Upstream)).toBe(Effect.End);
  relay.down.ended();
  expect(relay.settle() & RelayEffect.Terminate).toBe(RelayEffect.Terminate);
  expect(relay.reason).toBe("upstream_reset");
});

describe("an assertion stops", () => {
  for (const misuse of relayMisuses) {
    test(misuse.what, () => {
      expect(outcome(misuse, freshRelay)).toBe(misuse.says);
    });
  }
});

test(
  "the rules hold after every step of every story",
  () => {
    fc.assert(relayProperty(Flow, Relay), fuzz(20_000));
  },
  FUZZ_TIMEOUT_MS,
);
