import { beforeEach, describe, expect, test } from "bun:test";
import type { Address } from "../base/address.ts";
import type { Reason } from "../base/reason.ts";
import { RelayPhase } from "../flow/relay.ts";
import type { Descriptors } from "../system/descriptors.ts";
import { type DialAttempt, Dialer, type Dialing } from "./dialer.ts";
import { hearing } from "./observer.ts";

class FakeAttempt implements DialAttempt {
  state: "made" | "begun" | "abandoned" = "made";

  constructor(readonly address: Address) {}

  begin(): void {
    this.state = "begun";
  }

  abandon(): void {
    this.state = "abandoned";
  }
}

/** Notes what it is told. */
class Queue {
  readonly members = new Set<unknown>();

  add(relay: unknown): void {
    this.members.add(relay);
  }

  delete(relay: unknown): void {
    this.members.delete(relay);
  }
}

const at = (host: string): Address => ({ kind: "tcp", host, port: 1 });
const literal = at("192.0.2.1");
const name = at("db.test");

class FakeRelay implements Dialing<string> {
  readonly listener = {
    account: { waits: () => {} },
    options: { dial: {} as never, connectTimeoutMs: 5_000 },
    mirror: null,
    dialing: new Queue(),
    racing: new Queue(),
  };
  readonly branch = { waiting: { add: (): Reason | null => this.roomIsLeft } };
  readonly relay = { generation: 1, phase: RelayPhase.Dialing };
  readonly attempts: FakeAttempt[] = [];
  untried: readonly Address[] = [];
  dials = 0;
  next: Address | null = literal;
  upstreamAddress: Address | null = null;
  upstreamSlot: number | null = null;
  roomIsLeft: Reason | null = null;
  readonly told: string[] = [];

  get mustAsk(): boolean {
    return this.upstreamAddress === name;
  }

  nextUpstream(): Address | null {
    if (this.next === null) return null;
    this.dials++;
    this.upstreamSlot = 0;
    this.upstreamAddress = this.next;
    return this.next;
  }

  isDialing(tenant: number, dial: number): boolean {
    return this.relay.generation === tenant && this.dials === dial;
  }

  mirror(): void {}

  dialed(upstream: string, where: Address): void {
    this.told.push(`dialed ${upstream} at ${where.kind === "tcp" ? where.host : where.path}`);
  }

  dialFailed(reason: Reason): void {
    this.told.push(reason);
  }

  notDialed(reason: Reason): void {
    this.told.push(`not dialed: ${reason}`);
  }

  attempt(place: number): FakeAttempt {
    const attempt = this.attempts[place];
    if (attempt === undefined) throw new Error(`there is no attempt ${place}`);
    return attempt;
  }
}

let descriptors: { exhausted: boolean; tight: boolean };
let made: FakeAttempt[];
let failures: string[];
/** Answers the question that was asked last. */
let answer: (addresses: readonly Address[]) => void;
let dialer: Dialer<string, FakeAttempt, FakeRelay>;
let relay: FakeRelay;

beforeEach(() => {
  descriptors = { exhausted: false, tight: false };
  made = [];
  failures = [];
  relay = new FakeRelay();
  dialer = new Dialer(
    descriptors as Descriptors,
    hearing({ dialFailed: ({ reason, detail }) => void failures.push(`${reason} ${detail}`) }),
    (_address, _slot, then) => {
      answer = then;
    },
    (_relay, address) => {
      const attempt = new FakeAttempt(address);
      made.push(attempt);
      return attempt;
    },
  );
});

/** Dials a name that has so many addresses. */
function dialName(count: number): void {
  relay.next = name;
  dialer.dial(relay);
  answer(Array.from({ length: count }, (_, place) => at(`192.0.2.${place + 1}`)));
}

describe("a literal address", () => {
  test("is one attempt, whose connection is the relay's", () => {
    dialer.dial(relay);
    expect(made).toHaveLength(1);
    expect(relay.listener.dialing.members.size).toBe(1);
    dialer.answered(relay, relay.attempt(0), "end");
    expect(relay.told).toEqual(["dialed end at 192.0.2.1"]);
    expect(made[0]?.state).toBe("begun");
    expect(relay.listener.dialing.members.size).toBe(0);
  });

  test("fails as its attempt does", () => {
    dialer.dial(relay);
    dialer.attemptFailed(relay, relay.attempt(0), "ECONNREFUSED");
    expect(relay.told).toEqual(["connect_refused"]);
    expect(failures).toEqual(["connect_refused ECONNREFUSED"]);
  });

  test("is given up after its time", () => {
    dialer.dial(relay);
    dialer.timedOut(relay);
    expect(made[0]?.state).toBe("abandoned");
    expect(relay.told).toEqual(["connect_timeout"]);
    expect(failures).toEqual(["connect_timeout after 5000 ms"]);
  });

  test("is not dialled without a descriptor", () => {
    descriptors.exhausted = true;
    dialer.dial(relay);
    expect(made).toEqual([]);
    expect(relay.told).toEqual(["descriptor_limit"]);
  });
});

describe("a name", () => {
  test("has its addresses tried beside each other; who answers first is the upstream's", () => {
    dialName(3);
    expect(made).toHaveLength(1);
    expect(relay.listener.racing.members.size).toBe(1);
    dialer.attemptDue(relay);
    expect(made).toHaveLength(2);
    dialer.answered(relay, relay.attempt(1), "second");
    expect(relay.told).toEqual(["dialed second at 192.0.2.2"]);
    expect(made.map(({ state }) => state)).toEqual(["abandoned", "begun"]);
    expect(relay.untried).toEqual([]);
    expect(relay.listener.racing.members.size).toBe(0);
  });

  test("has the next address tried at once when one has failed", () => {
    dialName(2);
    dialer.attemptFailed(relay, relay.attempt(0), "ECONNREFUSED");
    expect(made).toHaveLength(2);
    expect(relay.told).toEqual([]);
  });

  test("has not failed while one of its attempts is under way", () => {
    dialName(2);
    dialer.attemptDue(relay);
    dialer.attemptFailed(relay, relay.attempt(1), "ECONNREFUSED");
    expect(relay.told).toEqual([]);
    dialer.attemptFailed(relay, relay.attempt(0), "EHOSTUNREACH");
    expect(relay.told).toEqual(["connect_unreachable"]);
  });

  test("has four attempts at a time: the oldest gives way", () => {
    dialName(16);
    for (let due = 0; due < 15; due++) dialer.attemptDue(relay);
    expect(relay.attempts).toHaveLength(4);
    expect(made).toHaveLength(16);
    const given = made.filter(({ state }) => state === "abandoned");
    expect(given).toEqual(made.slice(0, 12));
  });

  test("has one attempt at a time while descriptors are tight", () => {
    dialName(2);
    descriptors.tight = true;
    relay.listener.racing.delete(relay);
    dialer.attemptDue(relay);
    expect(made).toHaveLength(1);
    expect(relay.listener.racing.members.size).toBe(1);
  });

  test("is not dialled when its answer comes for a dial that is over", () => {
    relay.next = name;
    dialer.dial(relay);
    relay.dials++;
    answer([literal]);
    expect(made).toEqual([]);
  });

  test("that has no address is unresolved", () => {
    dialName(0);
    expect(relay.told).toEqual(["connect_unresolved"]);
  });
});

test("a relay without an upstream waits for one, or is told that it may not", () => {
  relay.next = null;
  dialer.dial(relay);
  expect(relay.told).toEqual([]);
  relay.roomIsLeft = "queue_full";
  dialer.dial(relay);
  expect(relay.told).toEqual(["not dialed: queue_full"]);
});

test("of a relay that ends already nobody is told that its dial fails", () => {
  dialer.dial(relay);
  relay.relay.phase = RelayPhase.Terminating;
  dialer.failed(relay, "connect_failed", "");
  expect(failures).toEqual([]);
  expect(made[0]?.state).toBe("abandoned");
});
