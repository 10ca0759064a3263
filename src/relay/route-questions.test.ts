import { beforeEach, expect, test } from "bun:test";
import { clockWith } from "../base/test-clock.ts";
import type { RouteAnswer, RouteChoice } from "../entry/route/answer.ts";
import type { Caller } from "../entry/route/connection.ts";
import { type Routed, type RouteQuestion, RouteQuestions } from "./route-questions.ts";

const choice: RouteChoice = { upstream: 1, isStrict: false, label: "a", isRefused: false };

/** A relay that remembers what it was told. */
class Relay implements Routed {
  readonly caller: Caller = {
    client: "10.0.0.9:1",
    local: null,
    header: null,
    hello: null,
    tls: null,
    route: null,
  };
  readonly branch = { chooser: { names: ["a:1", "b:2"], states: [] } };
  readonly told: unknown[] = [];
  routed(answer: RouteChoice): void {
    this.told.push(answer);
  }
  unrouted(): void {
    this.told.push("unrouted");
  }
}

let asked: { question: RouteQuestion; answer: (answer: RouteAnswer) => void }[] = [];
let forgotten = 0;
let failures: string[] = [];
let alarms: (() => void)[] = [];

/** Questions whose time is over when the test rings. */
function questions(timeoutMs = 1): RouteQuestions<Relay> {
  return new RouteQuestions<Relay>(
    { hook: 7, timeoutMs, failure: "relay" },
    "redis",
    {
      askRoute(question, answer) {
        asked.push({ question, answer });
        return () => forgotten++;
      },
      routeFailed: (listener, why) => failures.push(`${listener}: ${why}`),
    },
    clockWith((_, call) => void alarms.push(call)),
  );
}

/** Lets a time of a millisecond be over. */
function ring(): void {
  const until = performance.now() + 2;
  while (performance.now() < until);
  for (const call of alarms.splice(0)) call();
}

beforeEach(() => {
  asked = [];
  forgotten = 0;
  failures = [];
  alarms = [];
});

test("a relay is told what was answered, once, and its question is over", () => {
  const relay = new Relay();
  questions().ask(relay);
  const [first] = asked;
  expect(first?.question).toMatchObject({
    hook: 7,
    connection: { listener: "redis", upstreams: ["a:1", "b:2"], client: "10.0.0.9:1" },
  });
  first?.answer(choice);
  first?.answer({ failure: "late" });
  ring();
  expect(relay.told).toEqual([choice]);
  expect(failures).toEqual([]);
  expect(forgotten).toBe(1);
});

test("a failure is told to both", () => {
  const relay = new Relay();
  questions().ask(relay);
  asked[0]?.answer({ failure: "it throws: mine" });
  expect(relay.told).toEqual(["unrouted"]);
  expect(failures).toEqual(["redis: it throws: mine"]);
});

test("when the time is over nothing else counts", () => {
  const relay = new Relay();
  questions().ask(relay);
  ring();
  asked[0]?.answer(choice);
  expect(relay.told).toEqual(["unrouted"]);
  expect(failures).toEqual(["redis: no answer within 1ms"]);
  expect(forgotten).toBe(1);
});

test("the answer for a tenant before is not the next one's", () => {
  const relay = new Relay();
  const one = questions(60_000);
  one.ask(relay);
  one.delete(relay);
  expect(forgotten).toBe(1);
  one.ask(relay);
  asked[0]?.answer({ ...choice, isRefused: true });
  expect(relay.told).toEqual([]);
  asked[1]?.answer(choice);
  expect(relay.told).toEqual([choice]);
});
