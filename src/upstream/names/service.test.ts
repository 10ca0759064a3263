import { expect, test } from "bun:test";
import { resolveService, serviceName } from "./service.ts";
import { TestAuthority } from "./test-authority.ts";

const NAME = "_redis._tcp.example.test";

function place(target: string, priority: number, weight: number, port = 6379) {
  return { type: "SRV" as const, target, priority, weight, port, ttl: 40 };
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
    upstreams: [
      { host: "a.test", port: 6380, weight: 100, isBackup: false },
      { host: "b.test", port: 6379, weight: 50, isBackup: false },
      { host: "c.test", port: 6379, weight: 5, isBackup: true },
      { host: "d.test", port: 6379, weight: 1, isBackup: true },
    ],
    ttlMs: 40_000,
  });
});

test("large weights are scaled down, none to nothing", async () => {
  const { upstreams } = await resolved([
    place("a.test", 0, 65_535),
    place("b.test", 0, 32_768),
    place("c.test", 0, 1),
  ]);
  expect(upstreams.map(({ weight }) => weight)).toEqual([256, 128, 1]);
});

test("a service that is decidedly not there, and one that nobody knows", async () => {
  await expect(resolved([place("", 0, 0, 0)])).rejects.toMatchObject({ code: "no_data" });
  await expect(resolved([])).rejects.toMatchObject({ code: "no_data" });
  using authority = await TestAuthority.start();
  const options = { servers: [authority.server], timeoutMs: 200 };
  await expect(resolveService(NAME, options)).rejects.toMatchObject({ code: "unknown_host" });
  authority.knows(NAME, "SRV", { isSilent: true });
  await expect(resolveService(NAME, options)).rejects.toMatchObject({ code: "timeout" });
});

test.each([
  ["srv:_redis._tcp.example.org", "_redis._tcp.example.org"],
  ["srv:_Redis._TCP.Example.org.", "_redis._tcp.example.org."],
  ["srv:_redis._tcp", null],
  ["srv:_redis._udp.example.org", null],
  ["srv:redis.example.org", null],
  ["_redis._tcp.example.org", null],
  ["srv:", null],
] as const)("%j", (text, name) => {
  expect(serviceName(text)).toBe(name);
});
