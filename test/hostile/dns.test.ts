import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { decodeAnswer, type Question } from "../../src/upstream/names/dns-message.ts";
import { NameError } from "../../src/upstream/names/name-error.ts";
import { resolveName } from "../../src/upstream/names/resolver.ts";
import { TestAuthority } from "../../src/upstream/names/test-authority.ts";
import { seeded } from "../fixtures/random.ts";
import { chained, honest, hostileAnswer, labelled } from "./hostile-answers.ts";

// Whoever answers DNS, or sends datagrams in its place, is a stranger.

/** RINGWAY_HOSTILE_DNS asks for another number, such as 100000. */
const ANSWERS = Number(process.env.RINGWAY_HOSTILE_DNS ?? 10_000);
const MIB = 1024 * 1024;
const question: Question = { id: 0x1234, name: "a.test", type: "A" };

/** The least of several times, in milliseconds: what else the machine does counts for nothing. */
function cost(message: Uint8Array): number {
  const all = Array.from({ length: 7 }, () => {
    const startedAt = performance.now();
    decodeAnswer(message, question);
    return performance.now() - startedAt;
  });
  return Math.min(...all);
}

describe("an answer costs no more than its bytes", () => {
  test("names that jump 8,000 times are not followed", () => {
    expect(decodeAnswer(chained(question, 8_000), question)).toBe("malformed");
    expect(cost(chained(question, 8_000))).toBeLessThan(5 * cost(honest(question)));
    // A server may compress as it likes, within reason.
    expect(decodeAnswer(chained(question, 100), question)).toMatchObject({ code: 0 });
  });

  test("thousands of names of many labels are not read", () => {
    expect(decodeAnswer(labelled(question), question)).toBe("malformed");
    expect(cost(labelled(question))).toBeLessThan(20 * cost(honest(question)));
  });

  test("an honest one of 64 KiB is read", () => {
    expect(decodeAnswer(honest(question), question)).toMatchObject({
      records: { length: 4_000 },
    });
  });
});

test(`${ANSWERS.toLocaleString("en")} hostile answers are read to an end, and leave nothing behind`, () => {
  const random = seeded(15);
  const read = (count: number) => {
    for (let left = count; left > 0; left--) {
      const { question: asked, message } = hostileAnswer(random);
      const outcome = decodeAnswer(message, asked);
      if (typeof outcome === "string") continue;
      for (const record of outcome.records) {
        expect(record.type).toBe(asked.type);
        // Nothing of it reaches a log or a page as it is.
        if (record.type === "SRV") expect(record.target).toMatch(/^[\x21-\x7e]*$/);
      }
    }
    Bun.gc(true);
    return process.memoryUsage().heapUsed;
  };
  const before = read(1_000);
  const after = read(ANSWERS);
  process.stderr.write(
    `heap: ${(before / MIB).toFixed(1)} MiB before, ${(after / MIB).toFixed(1)} MiB after\n`,
  );
  expect(after - before).toBeLessThan(16 * MIB);
}, 600_000);

describe("a datagram from anybody", () => {
  let authority: TestAuthority;
  beforeEach(async () => {
    authority = await TestAuthority.start();
    authority.knows("a.test", "AAAA", {});
  });
  afterEach(() => authority[Symbol.dispose]());

  const records = [{ type: "A", host: "10.0.0.1", ttl: 5 }] as const;
  const resolve = () =>
    resolveName("a.test", { servers: [authority.server], system: null, timeoutMs: 4_000 });
  const ways = () => authority.asked.filter(({ type }) => type === 1).map(({ by }) => by);

  test("the case of its letters has to be that of the question, which is never the same", async () => {
    authority.knows("a.test", "A", { records });
    const spelled = new Set<string>();
    for (let count = 0; count < 40; count++) await resolve();
    for (const one of authority.asked) spelled.add(one.spelled);
    expect(spelled.size).toBeGreaterThan(8);
    expect(new Set(authority.asked.map(({ by }) => by))).toEqual(new Set(["udp"]));
  });

  test("one with another case is not believed: the same is asked by TCP", async () => {
    authority.knows("a.test", "A", () => {
      return ways().at(-1) === "udp"
        ? { records: [{ type: "A", host: "10.6.6.6", ttl: 5 }], isSmall: true }
        : { records, isSmall: true };
    });
    // With a chance of 1 in 32 the question has nothing but small letters.
    const found = new Set<string>();
    for (let count = 0; count < 20; count++) {
      const { addresses } = await resolve();
      const shouted = authority.asked.findLast(({ type }) => type === 1)?.spelled;
      if (shouted !== "a.test") for (const { host } of addresses) found.add(host);
    }
    expect(found).toEqual(new Set(["10.0.0.1"]));
  });

  test("one that is larger than the question allows is not looked at", async () => {
    let isLarge = true;
    authority.knows("a.test", "A", () => {
      const all = Array.from({ length: 100 }, () => ({ ...records[0], host: "10.6.6.6" }));
      const reply = isLarge ? { records: all } : { records };
      isLarge = false;
      return reply;
    });
    expect((await resolve()).addresses).toEqual([{ host: "10.0.0.1", family: 4 }]);
  });

  test("guesses end in a question by TCP", async () => {
    authority.knows("a.test", "A", () => {
      const guess = (message: Buffer) => {
        const copy = Buffer.from(message);
        copy[0] = (copy[0] as number) ^ 1;
        copy[2] = 0x81;
        return copy;
      };
      if (ways().at(-1) === "tcp") return { records };
      return { isSilent: true, before: (message) => Array<Buffer>(40).fill(guess(message)) };
    });
    expect((await resolve()).addresses).toEqual([{ host: "10.0.0.1", family: 4 }]);
    expect(ways()).toEqual(["udp", "tcp"]);
  });

  test("that there is no such name is believed of whoever repeats the name only", async () => {
    authority.knows("a.test", "A", { code: 3, isBare: true });
    authority.knows("a.test", "AAAA", { code: 3, isBare: true });
    const failed = await resolve().catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(NameError);
    expect((failed as NameError).code).toBe("timeout");
  });
});
