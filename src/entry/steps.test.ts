import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  ALERT,
  closedPlan,
  HelloPlan,
  helloOf,
  NO,
  REQUEST,
  RequestPlan,
} from "../../test/fixtures/test-steps.ts";
import { headerV2, ipv4Addresses } from "../../test/hostile/headers.ts";
import { fuzz } from "../../test/model/fuzz.ts";
import type { Reason } from "../base/reason.ts";
import { UNIX_CLIENT } from "./access/client-address.ts";
import { ProxyHeaderStep } from "./proxy-header.ts";
import type { Learned, StepPlan } from "./step.ts";
import { Steps, type StepsOwner } from "./steps.ts";

const header = headerV2(0x21, 0x11, ipv4Addresses(10, 0, 0, 1));
const words = new TextEncoder().encode("the first words of the flow");
const join = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const proxy = (mustBe: boolean): StepPlan => ({
  timeoutMs: 1_000,
  stepFor: () => new ProxyHeaderStep(mustBe),
});

/** A client and its queue, as a lane has it. */
class Client implements StepsOwner {
  readonly clientAddress = UNIX_CLIENT;
  readonly steps: Steps;
  readonly began: number[] = [];
  readonly replies: Uint8Array[] = [];
  queue = new Uint8Array(0);
  learned: Learned = {};
  takesReplies = true;

  constructor(...plans: StepPlan[]) {
    this.steps = new Steps(plans, this);
    this.steps.begin();
  }

  stepBegins(place: number): void {
    this.began.push(place);
  }

  learn(learned: Learned): void {
    this.learned = { ...this.learned, ...learned };
  }

  reply(bytes: Uint8Array): boolean {
    this.replies.push(bytes);
    return this.takesReplies;
  }

  says(bytes: Uint8Array, piece = bytes.length): this {
    for (let at = 0; at < bytes.length; at += piece) {
      this.queue = join(this.queue, bytes.subarray(at, at + piece));
      this.read();
    }
    return this;
  }

  givesUp(why: Reason): this {
    this.take(this.steps.giveUp(why));
    this.read();
    return this;
  }

  private read(): void {
    const { steps } = this;
    while (!steps.isOver && this.queue.length > steps.seen) {
      this.take(steps.feed(this.queue.subarray(steps.seen)));
    }
  }

  private take(size: number): void {
    this.queue = this.queue.slice(size);
  }
}

describe("steps", () => {
  test("of which there is none are over at once", () => {
    const { steps, began } = new Client();
    expect([steps.isOver, steps.refusedFor, began]).toEqual([true, null, []]);
  });

  test("may let a client in by no means", () => {
    const { steps, began } = new Client(closedPlan, proxy(true));
    expect([steps.isOver, steps.refusedFor, began]).toEqual([true, "preamble_untrusted", []]);
  });

  test("come one after the other, however the bytes come, and leave the flow its own", () => {
    const streams = fc.record({
      header: fc.boolean(),
      request: fc.boolean(),
      hello: fc.constantFrom(null, "", "db.example"),
      piece: fc.integer({ min: 1, max: 60 }),
    });
    fc.assert(
      fc.property(streams, ({ piece, ...has }) => {
        const request = new RequestPlan();
        const hello = new HelloPlan();
        const client = new Client(proxy(false), request, hello);
        const flow = join(has.hello === null ? words : join(helloOf(has.hello), words));
        const before = [has.header ? header : [], has.request ? REQUEST : []];
        client.says(join(...before.map((part) => Uint8Array.from(part)), flow), piece);
        expect(client.steps.isOver).toBe(true);
        expect(client.steps.refusedFor).toBeNull();
        expect(client.queue).toEqual(flow);
        expect(client.learned.header !== undefined).toBe(has.header);
        expect(client.replies).toEqual(has.request ? [NO] : []);
        expect(hello.names).toEqual([has.hello]);
        expect(client.began).toEqual([0, 1, 2]);
      }),
      fuzz(500),
    );
  });

  test("take a header's bytes away as soon as they are nothing else", () => {
    const client = new Client(proxy(true)).says(header.subarray(0, 11), 1);
    expect([client.queue.length, client.steps.seen]).toEqual([11, 11]);
    client.says(header.subarray(11, 20), 1);
    expect([client.queue.length, client.steps.seen]).toEqual([0, 0]);
  });

  test("are given up one by one when nothing more comes", () => {
    const client = new Client(proxy(false), new HelloPlan()).says(words.subarray(0, 0));
    client.givesUp("preamble_timeout");
    expect([client.steps.isOver, client.began]).toEqual([false, [0, 1]]);
    client.givesUp("preamble_timeout");
    expect([client.steps.isOver, client.steps.refusedFor]).toEqual([true, null]);
  });

  test("read what an earlier one has left when that is given up", () => {
    const hello = new HelloPlan();
    // Three bytes that might begin a header, and are the next step's.
    const client = new Client(proxy(false), hello).says(header.subarray(0, 3));
    client.givesUp("preamble_invalid");
    expect([client.steps.isOver, hello.names, client.queue.length]).toEqual([true, [null], 3]);
  });

  test.each(["preamble_timeout", "preamble_invalid"] as const)(
    "refuse a client for what it has not sent: %s",
    (why) => {
      const client = new Client(proxy(true)).says(header.subarray(0, 20)).givesUp(why);
      expect(client.steps.refusedFor).toBe(why);
    },
  );

  test("may be left out, but not where the place is somebody else's", () => {
    expect(new Client(proxy(false)).givesUp("preamble_full").steps.refusedFor).toBe(
      "preamble_full",
    );
  });

  test("refuse a client that sends more than they read", () => {
    const most = 40;
    const hello = helloOf("x".repeat(200));
    const client = new Client(new HelloPlan(1_000, most)).says(hello.subarray(0, most - 1));
    expect(client.steps.isOver).toBe(false);
    client.says(hello.subarray(most - 1, most));
    expect(client.steps.refusedFor).toBe("preamble_invalid");
  });

  test("tell a client why it is refused, and one that does not take its reply has gone", () => {
    const client = new Client(new HelloPlan()).says(helloOf("nobody"));
    const { isTold, refusedFor } = client.steps;
    expect([isTold, refusedFor, client.replies]).toEqual([true, "preamble_invalid", [ALERT]]);
    const gone = new Client(new RequestPlan(), new HelloPlan());
    gone.takesReplies = false;
    expect(gone.says(REQUEST).steps.refusedFor).toBe("client_reset");
  });
});
