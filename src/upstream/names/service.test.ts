import { expect, test } from "bun:test";
import { PLACES_MAX, resolveService } from "./service.ts";
import { TestAuthority } from "./test-authority.ts";

const NAME = "_redis._tcp.example.test";

function place(target: string, priority: number, weight: number, port = 6379) {
  return { type: "SRV" as const, target, priority, weight, port, ttl: 40 };
}

function at(host: string, port = 6379) {
  return { kind: "tcp" as const, host, port };
}

async function resolved(records: readonly ReturnType<typeof place>[]) {
  using authority = await TestAuthority.start();
  authority.knows(NAME, "SRV", { records });
  return await resolveService(NAME, { servers: [authority.server], timeoutMs: 500 });
}

test("the lowest priority number first, the others are backups", async () => {
  expect(
    await resolved([
      place("c.test", 20, 5),
      place("b.test", 10, 50),
      place("a.test", 10, 100, 6380),
      place("d.test", 30, 0),
    ]),
  ).toEqual({
    addresses: [
      { address: at("a.test", 6380), weight: 100, isBackup: false },
      { address: at("b.test"), weight: 50, isBackup: false },
      { address: at("c.test"), weight: 5, isBackup: true },
      { address: at("d.test"), weight: 1, isBackup: true },
    ],
    ttlMs: 40_000,
    leftOut: 0,
  });
});

test("large weights are scaled down, none to nothing", async () => {
  const { addresses } = await resolved([
    place("a.test", 0, 65_535),
    place("b.test", 0, 32_768),
    place("c.test", 0, 1),
  ]);
  expect(addresses.map(({ weight }) => weight)).toEqual([256, 128, 1]);
});

test("a service that is decidedly not there, and one that nobody knows", async () => {
  await expect(resolved([place("", 0, 0, 0)])).rejects.toMatchObject({ code: "no_service" });
  await expect(resolved([])).rejects.toMatchObject({ code: "no_service" });
  using authority = await TestAuthority.start();
  const options = { servers: [authority.server], timeoutMs: 200 };
  await expect(resolveService(NAME, options)).rejects.toMatchObject({ code: "unknown_host" });
  authority.knows(NAME, "SRV", { isSilent: true });
  await expect(resolveService(NAME, options)).rejects.toMatchObject({ code: "timeout" });
});

test("each place once, in an order of its own", async () => {
  const places = [place("b.test", 1, 0), place("a.test", 1, 0), place("b.test", 2, 9)];
  const one = await resolved(places);
  expect(one.addresses.map(({ address }) => address.host)).toEqual(["a.test", "b.test"]);
  expect(one.leftOut).toBe(0);
  expect((await resolved(places.toReversed())).addresses).toEqual(one.addresses);
});

test("of very many places the best ones", async () => {
  // As many as go into a message.
  const many = Array.from({ length: 2_000 }, (_, index) => place(`h${index}.test`, index, 0));
  using authority = await TestAuthority.start();
  authority.knows(NAME, "SRV", { records: many, isLong: true });
  const found = await resolveService(NAME, { servers: [authority.server], timeoutMs: 2_000 });
  expect(found.addresses).toHaveLength(PLACES_MAX);
  expect(found.leftOut).toBe(2_000 - PLACES_MAX);
  expect(found.addresses.at(-1)?.address.host).toBe(`h${PLACES_MAX - 1}.test`);
});

test("what could not be written as an upstream is none", async () => {
  const found = await resolved([
    place("a.test", 1, 0),
    place("", 1, 0),
    place("b.test", 0, 0, 0),
    // What getaddrinfo would take for 127.0.0.1.
    place("0x7f.1", 0, 0),
    place("127.1", 0, 0),
    place("-b-.test", 0, 0),
    place("10.0.0.1", 2, 0),
  ]);
  expect(found.addresses.map(({ address }) => address)).toEqual([at("a.test"), at("10.0.0.1")]);
  expect(found.leftOut).toBe(5);
  await expect(resolved([place("a.test", 0, 0, 0)])).rejects.toMatchObject({ code: "no_service" });
});

test("a target that is no host's name is left out, the others are not", async () => {
  for (const odd of ["b c.test", "*.test", "a/b.test", "a\\046b.test"]) {
    const found = await resolved([place("a.test", 1, 0), place(odd, 1, 0)]);
    expect(found.addresses.map(({ address }) => address)).toEqual([at("a.test")]);
    expect(found.leftOut).toBe(1);
  }
});

test("members in such numbers come in one large datagram", async () => {
  using authority = await TestAuthority.start();
  authority.knows(NAME, "SRV", {
    records: Array.from({ length: 100 }, (_, i) => place(`member-${i}.node.test`, 1, 1)),
  });
  const found = await resolveService(NAME, { servers: [authority.server], timeoutMs: 500 });
  expect(found.addresses).toHaveLength(100);
  expect(authority.asked).toMatchObject([{ by: "udp", udpSize: 8_192 }]);
});
