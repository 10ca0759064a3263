import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { parseServer } from "./dns-server.ts";
import { NameError, type NameErrorCode } from "./name-error.ts";
import { type ResolveOptions, resolveName, UNKNOWN_TTL_MS } from "./resolver.ts";
import { TestAuthority } from "./test-authority.ts";

let authority: TestAuthority;

beforeEach(async () => {
  authority = await TestAuthority.start();
});
afterEach(() => authority[Symbol.dispose]());

function resolve(host: string, more: ResolveOptions = {}) {
  return resolveName(host, { servers: [authority.server], system: null, ...more });
}

/** The code that it fails with. */
async function failure(promise: Promise<unknown>): Promise<NameErrorCode> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof NameError) return error.code;
    throw error;
  }
  throw new Error("it has an answer");
}

describe("from DNS", () => {
  test("both families, with the least TTL", async () => {
    authority.knows("both.test", "A", {
      records: [
        { type: "A", host: "10.0.0.1", ttl: 60 },
        { type: "A", host: "10.0.0.1", ttl: 60 },
        { type: "A", host: "10.0.0.2", ttl: 60 },
      ],
    });
    authority.knows("both.test", "AAAA", {
      records: [{ type: "AAAA", host: "2001:db8::1", ttl: 20 }],
    });
    expect(await resolve("both.test")).toEqual({
      addresses: [
        { host: "2001:db8::1", family: 6 },
        { host: "10.0.0.1", family: 4 },
        { host: "10.0.0.2", family: 4 },
      ],
      ttlMs: 20_000,
    });
  });

  test("one family is enough, whatever became of the other question", async () => {
    for (const code of [0, 2, 3, 5]) {
      authority.addresses("one.test", ["10.0.0.1"], 5);
      authority.knows("one.test", "AAAA", { code });
      expect(await resolve("one.test")).toMatchObject({ addresses: [{ host: "10.0.0.1" }] });
    }
  });

  test("a literal address and a name with a final dot", async () => {
    expect(await resolve("::1")).toEqual({
      addresses: [{ host: "::1", family: 6 }],
      ttlMs: Infinity,
    });
    authority.addresses("dot.test", ["10.0.0.1"], 5);
    expect(await resolve("dot.test.")).toMatchObject({ addresses: [{ host: "10.0.0.1" }] });
    expect(authority.count("dot.test")).toBe(2);
  });

  test.each([
    ["unknown_host", { code: 3 }],
    ["no_data", {}],
    ["server_failed", { code: 2 }],
    ["server_failed", { code: 1 }],
    ["server_failed", { code: 4 }],
    ["refused", { code: 5 }],
  ] as const)("%s is told apart", async (code, reply) => {
    authority.knows("bad.test", "A", reply);
    authority.knows("bad.test", "AAAA", reply);
    expect(await failure(resolve("bad.test"))).toBe(code);
  });

  test("a failure stands before a family that is not there, and that before no such name", async () => {
    authority.knows("bad.test", "A", { code: 2 });
    authority.knows("bad.test", "AAAA", {});
    expect(await failure(resolve("bad.test"))).toBe("server_failed");
    authority.knows("bad.test", "A", { code: 3 });
    expect(await failure(resolve("bad.test"))).toBe("no_data");
  });

  test("what does not fit into a datagram is asked for by TCP", async () => {
    const hosts = Array.from({ length: 200 }, (_, index) => `10.0.1.${index}`);
    authority.addresses("long.test", hosts, 60);
    const records = hosts.map((host) => ({ type: "A" as const, host, ttl: 60 }));
    for (const tcp of [undefined, "slow"] as const) {
      authority.knows("long.test", "A", { records, isLong: true, ...(tcp && { tcp }) });
      const { addresses } = await resolve("long.test");
      expect(addresses.map(({ host }) => host)).toEqual(hosts);
    }
    authority.knows("long.test", "A", { isLong: true, tcp: "closed" });
    expect(await failure(resolve("long.test"))).toBe("server_failed");
  });

  test("by IPv6, in a datagram and by TCP", async () => {
    using other = await TestAuthority.start("::1");
    const records = [{ type: "A" as const, host: "10.0.0.1", ttl: 5 }];
    other.knows("six.test", "A", { records, isLong: true });
    other.knows("six.test", "AAAA", {});
    expect(await resolve("six.test", { servers: [other.server] })).toMatchObject({
      addresses: [{ host: "10.0.0.1" }],
    });
    expect(other.asked.map(({ by }) => by).toSorted()).toEqual(["tcp", "udp", "udp"]);
  });

  test("a server that does not know EDNS is asked without it", async () => {
    for (const code of [1, 4]) {
      for (const isBare of [true, false]) {
        const known = { records: [{ type: "A" as const, host: "10.0.0.1", ttl: 5 }] };
        authority.knows("old.test", "A", () => {
          const { udpSize } = authority.asked.at(-1) ?? { udpSize: 0 };
          return udpSize > 0 ? { code, isBare } : known;
        });
        authority.knows("old.test", "AAAA", { code: 3 });
        expect(await resolve("old.test")).toMatchObject({ addresses: [{ host: "10.0.0.1" }] });
      }
    }
  });

  test("an answer that is cut off by TCP as well is none, and the next server is asked", async () => {
    using good = await TestAuthority.start();
    authority.knows("cut.test", "A", { isEndless: true });
    authority.knows("cut.test", "AAAA", { isEndless: true });
    expect(await failure(resolve("cut.test"))).toBe("malformed");
    good.addresses("cut.test", ["10.0.0.1"], 5);
    const servers = [authority.server, good.server];
    expect(await resolve("cut.test", { servers })).toMatchObject({
      addresses: [{ host: "10.0.0.1" }],
    });
  });

  test("what is not an answer to the question is passed over", async () => {
    const records = [{ type: "A" as const, host: "10.0.0.1", ttl: 60 }];
    const before = (question: Buffer) => {
      const wrongId = Buffer.from(question);
      wrongId.writeUInt16BE(question.readUInt16BE() ^ 1);
      wrongId[2] = 0x81;
      return [Buffer.from("no DNS at all"), wrongId, question];
    };
    authority.knows("noise.test", "A", { records, before });
    expect(await resolve("noise.test")).toMatchObject({ addresses: [{ host: "10.0.0.1" }] });
    const code = await failure(silently(before));
    expect(code).toBe("timeout");
  });

  test("an answer that cannot be read", async () => {
    const before = (question: Buffer) => {
      // The last record of the question, its EDNS, is of 11 bytes.
      const cut = Buffer.concat([question.subarray(0, -11), Buffer.from([0xc0])]);
      cut[2] = 0x81;
      cut[7] = 1;
      return [cut];
    };
    expect(await failure(silently(before))).toBe("malformed");
  });

  test("silence is a timeout, after the time that was given", async () => {
    const startedAt = performance.now();
    expect(await failure(silently())).toBe("timeout");
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    // Every question twice.
    expect(authority.count("silent.test")).toBe(4);
  });

  test("the next server is asked when one is silent, fails, refuses or is not there", async () => {
    using other = await TestAuthority.start();
    other.addresses("a.test", ["10.0.0.7"], 60);
    const servers = [authority.server, other.server];
    for (const reply of [{ isSilent: true }, { code: 2 }, { code: 5 }]) {
      for (const type of ["A", "AAAA"] as const) authority.knows("a.test", type, reply);
      const options = { servers, timeoutMs: 800 };
      expect(await resolve("a.test", options)).toMatchObject({ addresses: [{ host: "10.0.0.7" }] });
    }
    authority[Symbol.dispose]();
    expect(await resolve("a.test", { servers })).toMatchObject({
      addresses: [{ host: "10.0.0.7" }],
    });
    expect(await failure(resolve("a.test"))).toBe("unreachable");
  });

  test("no server at all, and one to which there is no way", async () => {
    expect(await failure(resolve("a.test", { servers: [] }))).toBe("unreachable");
    // Nobody may send to everybody unless he says so: the kernel refuses, and nothing is sent.
    const servers = [{ host: "255.255.255.255", port: 53 }];
    expect(await failure(resolve("a.test", { servers }))).toBe("unreachable");
  });

  test("a name that there is not, is not, whatever the next server says", async () => {
    using other = await TestAuthority.start();
    other.addresses("a.test", ["10.0.0.7"], 60);
    const servers = [authority.server, other.server];
    expect(await failure(resolve("a.test", { servers }))).toBe("unknown_host");
    expect(other.asked).toEqual([]);
  });

  function silently(before?: (question: Buffer) => Uint8Array[]) {
    const reply = { isSilent: true, ...(before && { before }) };
    for (const type of ["A", "AAAA"] as const) authority.knows("silent.test", type, reply);
    return resolve("silent.test", { timeoutMs: 200 });
  }
});

describe("from the system", () => {
  test("localhost, which DNS has no say in", async () => {
    const { addresses, ttlMs } = await resolveName("localhost", { servers: [authority.server] });
    expect(["127.0.0.1", "::1"]).toContain(addresses[0]?.host as string);
    expect(ttlMs).toBe(UNKNOWN_TTL_MS);
    expect(authority.asked).toEqual([]);
  });

  test("its order is kept, and a name without a dot is its business alone", async () => {
    const system = async () => ["10.0.0.2", "2001:db8::1", "10.0.0.1", "10.0.0.2"];
    expect(await resolveName("redis", { system })).toEqual({
      addresses: [
        { host: "10.0.0.2", family: 4 },
        { host: "2001:db8::1", family: 6 },
        { host: "10.0.0.1", family: 4 },
      ],
      ttlMs: UNKNOWN_TTL_MS,
    });
  });

  test("DNS says for how long", async () => {
    authority.addresses("a.test", ["10.0.0.9"], 7);
    const system = async () => ["10.0.0.1"];
    expect(await resolve("a.test", { system })).toEqual({
      addresses: [{ host: "10.0.0.1", family: 4 }],
      ttlMs: 7_000,
    });
    // It does not know the name, or does not answer soon.
    expect(await resolve("b.test", { system })).toMatchObject({ ttlMs: UNKNOWN_TTL_MS });
    for (const type of ["A", "AAAA"] as const) authority.knows("c.test", type, { isSilent: true });
    expect(await resolve("c.test", { system })).toMatchObject({ ttlMs: UNKNOWN_TTL_MS });
  });

  test("DNS says why not, or knows better", async () => {
    const system = async () => {
      throw new NameError("unknown_host");
    };
    for (const type of ["A", "AAAA"] as const) authority.knows("bad.test", type, { code: 2 });
    expect(await failure(resolve("bad.test", { system }))).toBe("server_failed");
    authority.addresses("a.test", ["10.0.0.9"], 7);
    expect(await resolve("a.test", { system })).toMatchObject({ ttlMs: 7_000 });
  });

  test("nobody knows the name", async () => {
    const system = async () => {
      throw new NameError("unknown_host");
    };
    expect(await failure(resolveName("redis", { system }))).toBe("unknown_host");
    expect(await failure(resolveName("redis", { system: async () => [] }))).toBe("unknown_host");
  });

  test("it hangs", async () => {
    const system = () => new Promise<string[]>(() => {});
    expect(await failure(resolveName("redis", { system, timeoutMs: 30 }))).toBe("timeout");
  });
});

test.each([
  ["1.2.3.4", { host: "1.2.3.4", port: 53 }],
  ["1.2.3.4:5353", { host: "1.2.3.4", port: 5353 }],
  ["::1", { host: "::1", port: 53 }],
  ["2001:db8::53", { host: "2001:db8::53", port: 53 }],
  ["fe80::1%eth0", { host: "fe80::1%eth0", port: 53 }],
  ["[::1]:5353", { host: "::1", port: 5353 }],
  ["[::1]", { host: "::1", port: 53 }],
  ["", null],
  ["a.test", null],
] as const)("the server %j", (text, server) => {
  expect(parseServer(text)).toEqual(server);
});
