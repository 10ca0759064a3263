import { expect } from "bun:test";
import fc from "fast-check";
import { TestClock } from "../../base/test-clock.ts";
import { type TestInside, TestNetwork, valkeyListener } from "./test-network.ts";
import { request } from "./test-server.ts";

/** Clients of one story. */
const CLIENTS = 4;

/** What clients ask: `#` stands for who asks what, so that each request is told from any other. */
const REQUESTS = [
  "get #",
  "get #",
  "set #",
  "set #",
  "multi",
  "exec",
  "discard",
  "watch #",
  "unwatch",
  "blpop #",
  "lrange 40 #",
  "select 1",
  "select 0",
  "client id",
  "client getname",
  "flushall",
  "xread # BLOCK",
];

type Step =
  | readonly ["ask", number, number, number]
  | readonly ["flush"]
  | readonly ["answer", number, number]
  | readonly ["want", number, boolean]
  | readonly ["narrow", number, number]
  | readonly ["narrowUpstream", number, number]
  | readonly ["leave", number]
  | readonly ["cut", number]
  | readonly ["pass", number];

const client = fc.nat(CLIENTS - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(
      fc.constant("ask" as const),
      client,
      fc.nat(REQUESTS.length - 1),
      fc.integer({ min: 1, max: 400 }),
    ),
  },
  { weight: 6, arbitrary: fc.constant(["flush"] as const) },
  {
    weight: 8,
    arbitrary: fc.tuple(
      fc.constant("answer" as const),
      fc.nat(7),
      fc.integer({ min: 1, max: 300 }),
    ),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant("want" as const), client, fc.boolean()) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant("narrow" as const), client, fc.integer({ min: 1, max: 60 })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constant("narrowUpstream" as const),
      fc.nat(7),
      fc.integer({ min: 1, max: 60 }),
    ),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant("leave" as const), client) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("cut" as const), fc.nat(7)) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant("pass" as const), fc.integer({ min: 1, max: 700 })),
  },
);

/** A client of a story: what it has asked, in order, and how much of that was sent. */
class Asking {
  readonly asked: string[] = [];
  /** Bytes that it has still to send. */
  unsent = "";

  constructor(
    readonly inside: TestInside,
    private readonly name: string,
  ) {}

  ask(what: string): void {
    const text = what.replace("#", `${this.name}-${this.asked.length}`);
    this.asked.push(text);
    this.unsent += request(...text.split(" "));
  }

  send(size: number): void {
    const text = this.unsent.slice(0, size);
    this.unsent = this.unsent.slice(size);
    if (text !== "") this.inside.send(text);
  }
}

/** The replies that a client has got, as texts. The last one may be cut. */
function repliesIn(text: string): string[] {
  const replies: string[] = [];
  let at = 0;
  const line = () => {
    const end = text.indexOf("\r\n", at);
    if (end < 0) return null;
    const found = text.slice(at, end);
    at = end + 2;
    return found;
  };
  const read = (): string | null => {
    const head = line();
    if (head === null) return null;
    if (head.startsWith("$")) {
      const size = Number(head.slice(1));
      if (size < 0) return "(null)";
      if (text.length < at + size + 2) return null;
      const value = text.slice(at, at + size);
      at += size + 2;
      return value;
    }
    if (!head.startsWith("*")) return head;
    const items: string[] = [];
    for (let left = Number(head.slice(1)); left > 0; left--) {
      const item = read();
      if (item === null) return null;
      items.push(item);
    }
    return `[${items.join(", ")}]`;
  };
  for (let reply = read(); reply !== null; reply = read()) replies.push(reply);
  return replies;
}

/** Whether a reply may be the one to a request. */
function fits(asked: string, reply: string): boolean {
  if (reply.startsWith("-")) return true;
  const [name = ""] = asked.split(" ");
  if (name === "client") return reply.startsWith(":") || reply === "+QUEUED" || reply === "(null)";
  if (["multi", "discard", "select", "watch", "unwatch"].includes(name))
    return reply === "+OK" || reply === "+QUEUED";
  if (name === "exec") return reply.startsWith("[");
  return reply === "+QUEUED" || reply.includes(asked);
}

/** One step of a story. */
function act(net: TestNetwork, clock: TestClock, clients: readonly Asking[], one: Step): void {
  const pick = (at: number) => clients[at] as Asking;
  switch (one[0]) {
    case "ask":
      pick(one[1]).ask(REQUESTS[one[2]] as string);
      pick(one[1]).send(one[3]);
      break;
    case "flush":
      net.exchange.flush();
      break;
    case "answer": {
      const upstream = net.upstreams[one[1] % Math.max(1, net.upstreams.length)];
      if (upstream !== undefined) net.answer(upstream, one[2]);
      break;
    }
    case "want":
      pick(one[1]).inside.want(one[2]);
      break;
    case "narrow":
      pick(one[1]).inside.narrow(one[2]);
      break;
    case "narrowUpstream":
      net.upstreams[one[1] % Math.max(1, net.upstreams.length)]?.inside.narrow(one[2]);
      break;
    case "leave":
      pick(one[1]).inside.close("client_reset");
      break;
    case "cut":
      net.upstreams[one[1] % Math.max(1, net.upstreams.length)]?.inside.close("upstream_reset");
      break;
    case "pass":
      clock.pass(one[1]);
  }
}

/** Everything has come to rest: whether all got what is theirs. */
function judge(net: TestNetwork, clients: readonly Asking[]): void {
  for (const { asked, inside } of clients) {
    const replies = repliesIn(inside.given);
    for (const [at, reply] of replies.entries()) {
      const isLast = at >= asked.length;
      // After its last reply there may be a word about why it ends.
      if (isLast) expect(reply).toStartWith("-ERR ringway");
      else
        expect({
          asked: asked[at],
          reply,
          fits: fits(asked[at] as string, reply),
        }).toMatchObject({ fits: true });
    }
    if (!inside.isOver && !inside.hasEnded) expect(replies.length).toBe(asked.length);
    expect(
      replies.some((reply) => reply.includes("flushall") && !reply.startsWith("-NOPERM")),
    ).toBe(false);
  }
  // No write was carried out twice.
  const writes = net.server.executed.filter((text) => text.startsWith("set"));
  expect(new Set(writes).size).toBe(writes.length);
  // Connections that wait for the next tenant have no state of the last one.
  for (const one of clients) one.inside.close("client_fin");
  net.settle();
  for (const { inside, server } of net.upstreams) {
    if (!inside.isOver && !inside.hasEnded) expect(server.isClean).toBe(true);
  }
  expect(net.exchange.leased).toBeLessThanOrEqual(2);
  expect(net.exchange.holdings.bytes).toBe(0);
}

/**
 * Whatever clients ask, and however the network behaves: each gets its own replies, once and in order; nothing is
 * carried out twice; and what is left has no state of anybody.
 */
export function storyProperty() {
  return fc.property(
    fc.array(step, { maxLength: 120 }),
    fc.constantFrom("none" as const, "reads" as const),
    fc.integer({ min: 1, max: 2 }),
    (steps, retry, connections) => {
      using clock = new TestClock();
      const net = new TestNetwork(
        clock,
        valkeyListener({
          retry,
          connections,
          deny: ["FLUSHALL"],
          largeBytes: 1_024,
          backlogBytes: 2_048,
          leased: 2,
        }),
      );
      const clients = Array.from(
        { length: CLIENTS },
        (_, at) => new Asking(net.connect(), `c${at}`),
      );
      for (const one of steps) {
        act(net, clock, clients, one);
        for (const { inside, server } of net.upstreams)
          if (inside.hasEnded && server.sends === "") inside.close("client_fin");
        expect(net.exchange.leased).toBeLessThanOrEqual(2);
      }
      // The network becomes quiet, and everybody reads.
      for (const { inside } of net.upstreams) inside.narrow(Infinity);
      for (const one of clients) {
        one.inside.want(true);
        one.inside.narrow(Infinity);
        one.send(Infinity);
      }
      for (let i = 0; i < 6; i++) {
        net.settle();
        clock.pass(1_100);
      }
      net.settle();
      judge(net, clients);
    },
  );
}
