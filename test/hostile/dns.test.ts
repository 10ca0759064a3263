import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { decodeAnswer, type Question } from "../../src/upstream/names/dns-message.ts";
import { NameError } from "../../src/upstream/names/name-error.ts";
import { resolveName } from "../../src/upstream/names/resolver.ts";
import { TestAuthority } from "../../src/upstream/names/test-authority.ts";
import { End } from "../fixtures/end.ts";
import { seeded } from "../fixtures/random.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import { chained, honest, hostileAnswer, labelled } from "./hostile-answers.ts";
import { onBothEngines, startOn } from "./stages.ts";

// Whoever answers DNS, or sends datagrams in its place, is a stranger.

setDefaultTimeout(60_000);

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
    expect(cost(labelled(question))).toBeLessThan(40 * cost(honest(question)));
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

onBothEngines("DNS may answer with what --dns-allow says only", (stage) => {
  const SERVICE = "_redis._tcp.a.test";
  let authority: TestAuthority;
  let upstream: Upstream;
  beforeEach(async () => {
    authority = await TestAuthority.start();
    upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.2", port: 0 }, echo);
  });
  afterEach(() => {
    authority[Symbol.dispose]();
    upstream.close();
  });

  /** What a client of a proxy with these flags hears, and the reasons of its relays. */
  async function heard(flags: readonly string[], line: RegExp) {
    const { host, port } = authority.server;
    const dns = ["--dns-servers", `${host}:${port}`, "--stats", "json"];
    await using proxy = startOn(stage, ["-l", "127.0.0.1:0", ...dns, ...flags]);
    const address = { kind: "tcp", host: "127.0.0.1", port: await proxy.port() } as const;
    const client = await End.connect(address, (end) => {
      end.keeps = true;
    });
    client.send("hello");
    await waitFor(() => client.closed || client.receivedBytes > 0, "it hears or is closed");
    client.reset();
    await proxy.logged(line);
    const { out } = await proxy.stop();
    return { text: client.text, reasons: JSON.parse(out).relays.reasons };
  }

  const portOf = () => (upstream.address as { port: number }).port;

  test("a name", async () => {
    authority.addresses("a.test", ["127.0.0.2"], 60);
    const name = ["-u", `a.test:${portOf()}`];
    const denied = await heard(
      [...name, "--dns-allow", "10.0.0.0/8,fd00::/8"],
      /upstream a\.test:\d+: a dial failed: dns_denied/,
    );
    expect(denied).toEqual({ text: "", reasons: { dns_denied: 1 } });
    // Its port was configured.
    const allowed = await heard([...name, "--dns-allow", "127.0.0.2:1"], /listening/);
    expect(allowed.text).toBe("hello");
    // So was all of this.
    const literal = await heard(["-u", `127.0.0.2:${portOf()}`, "--dns-allow", "::1"], /listening/);
    expect(literal.text).toBe("hello");
  });

  test("some addresses of a name", async () => {
    authority.addresses("a.test", ["127.0.0.1", "127.0.0.2"], 60);
    const flags = ["-u", `a.test:${portOf()}`, "--dns-allow", "127.0.0.2"];
    const { text } = await heard(flags, /host a\.test: 127\.0\.0\.1:\d+ may not be dialled/);
    expect(text).toBe("hello");
  });

  test("a service, whose ports are DNS's, too", async () => {
    const record = { type: "SRV", ttl: 60, target: "127.0.0.2", priority: 0, weight: 1 } as const;
    authority.addresses("a.test", ["127.0.0.2"], 60);
    const port = portOf();
    for (const target of ["127.0.0.2", "a.test"]) {
      authority.knows(SERVICE, "SRV", { records: [{ ...record, target, port }] });
      const flags = ["-u", `srv:${SERVICE}`, "--dns-allow"];
      const told = /is not among what DNS may answer with/;
      const other = await heard([...flags, `127.0.0.2:${(port % 65_535) + 1}`], told);
      expect(other).toEqual({ text: "", reasons: { no_upstream: 1 } });
      const same = await heard([...flags, `127.0.0.0/8:${port}`], /listening/);
      expect(same.text).toBe("hello");
    }
    const denied = await heard(["-u", `srv:${SERVICE}`, "--dns-allow", "10.0.0.0/8"], /dns_denied/);
    expect(denied).toEqual({ text: "", reasons: { dns_denied: 1 } });
  });
});
