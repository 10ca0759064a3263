import { describe, expect, test } from "bun:test";
import { commandFigures, listenerFigures } from "../counts/figures.ts";
import { renderJson, statistics } from "./statistics.ts";
import { renderText } from "./statistics-text.ts";
import { engineStats, flowStats, relaySummary, valkeyStats } from "./test-figures.ts";

const up = flowStats({
  receives: 4_000,
  shortReceives: 3_999,
  sends: 3_990,
  shortSends: 2,
  pauses: 12,
  poolEmpty: 1,
  receivedBytes: 1_048_576,
  sentBytes: 1_048_566,
  lostBytes: 10,
});
const down = flowStats({ receives: 10, sends: 10, receivedBytes: 5_000_000_000 });

/** A run with two relays, of which one still runs. */
function busy() {
  const stats = engineStats({
    relays: { accepted: 2, running: 1, ended: 1, reasons: { client_fin: 1 } },
    up,
    down,
    loop: { turns: 100, events: 250 },
    receiveSegments: [0, 4_009, 0, 0, 1],
    sendSegments: [0, 3_999, 1],
    acceptPauses: 3,
  });
  const running = relaySummary({ id: 2, reason: null, upstream: "unix:/run/a.sock" });
  return statistics(stats, [relaySummary({ up, down })], [running]);
}

/** A run with so many ended relays, of which the last hundred are known. */
function many(ended: number, running: number) {
  const known = Math.min(ended, 100);
  return statistics(
    engineStats({ relays: { accepted: ended + running, running, ended, reasons: {} } }),
    Array.from({ length: known }, (_, index) => relaySummary({ id: ended - known + index + 1 })),
    Array.from({ length: running }, (_, index) => relaySummary({ id: ended + index + 1 })),
  );
}

describe("statistics", () => {
  test("what counts make per second", () => {
    const { requestsPerSecond, endedRelays, loop, up, down } = busy();
    expect(requestsPerSecond).toBe(1_000);
    expect([up.bytesPerSecond, down.bytesPerSecond]).toEqual([262_144, 1_250_000_000]);
    expect(endedRelays[0]).toMatchObject({ requestsPerSecond: 2_000, durationMs: 2_000 });
    expect(endedRelays[0]?.up.bytesPerSecond).toBe(524_288);
    expect(loop.eventsPerTurn).toBe(2.5);
  });

  test("the busiest commands are told, those that nobody has asked for are not", () => {
    const command = (name: string, calls: number, upstreamTimes = [0, 0, calls]) => ({
      command: name,
      ...commandFigures.none(),
      calls,
      upstreamMs: calls * 0.15,
      upstreamTimes,
      waitTimes: [calls],
    });
    const many = Array.from({ length: 12 }, (_, at) => command(`C${at}`, at * 1_000));
    const valkey = valkeyStats({ commands: many });
    const other = { ...listenerFigures.none(), listener: "b", upstreams: [], valkey: null };
    const told = statistics(engineStats({ listeners: [other, { ...other, valkey }] }), [], []);
    expect(told.commands.length).toBe(10);
    expect(told.commands[0]).toMatchObject({ listener: "b", command: "C11", calls: 11_000 });
    expect(told.commands[0]?.upstreamMeanMs).toBeCloseTo(0.15);
    expect(told.commands[0]?.upstreamP99Ms).toBeCloseTo(0.199);
    const text = renderText(told, true);
    expect(text).toMatch(/^busiest commands +calls +errors +upstream mean +p99 +ringway p99$/m);
    expect(text).toMatch(/^C11 +11,000 +0 +0\.15 ms +0\.2 ms +0\.05 ms$/m);
    expect(renderText(told, false)).not.toContain("busiest");
  });

  test("what a ring has done is told to who asks for all, and is null without one", () => {
    const ring = {
      submissions: 900,
      completions: 400,
      silentSends: 300,
      receivesWithoutBuffer: 2,
      overflows: 1,
    };
    const stats = engineStats({ ring, loop: { turns: 100, events: 400 } });
    const told = statistics(stats, [], []);
    expect(told.ring).toEqual(ring);
    expect(renderText(told, true)).toContain(
      "ring      900 submissions (9 per turn), 400 completions, 300 silent sends,\n" +
        "          2 receives without buffer, 1 overflows\n",
    );
    expect(renderText(told, false)).not.toContain("submissions");
    expect(busy().ring).toBeNull();
  });

  test("what became of copies to a mirror", () => {
    const mirrors = [
      {
        listener: "redis",
        mirror: "m:1",
        begun: 2_000,
        running: 0,
        completed: 1_500,
        dropped: { unreachable: 100, slow: 400 },
        bytes: 3 * 1_048_576,
      },
    ];
    const told = statistics(engineStats({ mirrors }), [], []);
    expect(told.mirrors).toEqual(mirrors);
    expect(renderText(told, false)).toContain(
      "mirror    m:1 2,000 relays, 3 MiB, 400 given up (slow),\n          100 given up (unreachable)\n",
    );
  });

  test("buckets that are empty are left out", () => {
    expect(busy().segments).toMatchObject([
      { segments: 1, bytesMax: 65_536, receives: 4_009, sends: 3_999, sendsPercent: 99.975 },
      { segments: 2, bytesMax: 131_072, receives: 0, receivesPercent: 0, sends: 1 },
      { segments: 4, bytesMax: 262_144, receives: 1, sends: 0, sendsPercent: 0 },
    ]);
  });

  test("a hundred of each are listed, the others counted", () => {
    const { endedRelays, endedRelaysOmitted, runningRelays, runningRelaysOmitted } = many(250, 120);
    expect(endedRelays.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, i) => 151 + i));
    expect([endedRelaysOmitted, runningRelays.length, runningRelaysOmitted]).toEqual([
      150, 100, 20,
    ]);
  });

  test("nothing is divided by nothing", () => {
    const flat = statistics(engineStats({ durationMs: 0 }), [relaySummary({ durationMs: 0 })], []);
    const text = renderJson(flat);
    expect(text).not.toMatch(/null,"up"|NaN|Infinity/);
    expect(JSON.parse(text)).toMatchObject({
      requestsPerSecond: 0,
      loop: { eventsPerTurn: 0 },
      endedRelays: [{ requestsPerSecond: 0, up: { bytesPerSecond: 0 } }],
    });
  });
});

describe("json", () => {
  test("one object on one line, the same in numbers", () => {
    const text = renderJson(busy());
    expect(text.split("\n")).toHaveLength(2);
    const { segments, ...others } = busy();
    const { segments: printed, ...same } = JSON.parse(text);
    expect(same).toEqual(others);
    expect(printed).toHaveLength(segments.length);
    expect(printed[0]).toMatchObject({ receivesPercent: 99.975, sendsPercent: 99.975 });
  });

  test("rates have three decimals, counts stay whole", () => {
    const stats = engineStats({ durationMs: 3_000.123_456, loop: { turns: 3, events: 10 } });
    const { durationMs, loop } = JSON.parse(renderJson(statistics(stats, [], [])));
    expect([durationMs, loop.eventsPerTurn]).toEqual([3_000.123, 3.333]);
  });
});

describe("text", () => {
  test("no relays", () => {
    expect(renderText(statistics(engineStats(), [], []), true)).toMatchInlineSnapshot(`
      "ringway statistics: 4s on engine sockets, 0 relays (0 ended, 0 running)

      requests  0 per second of the run, each receive from a client counts as one
      loop      0 turns, 0 events, 0 per turn
      memory    pool 0 B, at most 0 of 4,096 segments of 64 KiB in use
      "
    `);
  });

  test("two relays", () => {
    expect(renderText(busy(), true)).toMatchInlineSnapshot(`
      "ringway statistics: 4s on engine sockets, 2 relays (1 ended, 1 running)

                receives  (short)  sends  (short)  pauses  no memory     bytes    bandwidth
      all up       4,000  (3,999)  3,990      (2)      12          1     1 MiB   2.1 Mbit/s
      all down        10      (0)     10      (0)       0          0  4.66 GiB    10 Gbit/s
      relay 1: 127.0.0.1:50000 → 127.0.0.1:6379, client_fin after 2s, 2,000 req/s,
               10 B lost
        up         4,000  (3,999)  3,990      (2)      12          1     1 MiB  4.19 Mbit/s
        down          10      (0)     10      (0)       0          0  4.66 GiB    20 Gbit/s
      relay 2: 127.0.0.1:50000 → unix:/run/a.sock, running for 2s, 0 req/s

      requests  1,000 per second of the run, each receive from a client counts as one
      loop      100 turns, 250 events, 2.5 per turn
      memory    pool 0 B, at most 0 of 4,096 segments of 64 KiB in use
      lost      10 B up, 0 B down, of relays that were refused or cut
      accepting paused 3 times
      reasons   client_fin 1

      segments at once   receives          sends
      up to 1 (64 KiB)      4,009  99.98%  3,999  99.97%
      up to 2 (128 KiB)         0   0.00%      1   0.03%
      up to 4 (256 KiB)         1   0.02%      0   0.00%
      "
    `);
  });

  test("more than three relays are listed only when asked for", () => {
    expect(renderText(many(3, 0), false)).toContain("relay 3:");
    expect(renderText(many(4, 0), false)).not.toContain("relay 4:");
    const all = renderText(many(250, 120), true);
    expect(all).toContain("\n… 150 more that ended earlier are not listed\nrelay 151:");
    expect(all).toContain("\n… 20 more that run are not listed\n");
    expect(all).not.toContain("relay 150:");
  });

  test("a short run fits a screen of 24 lines and 80 columns", () => {
    const flow = flowStats({
      receives: 6_001,
      shortReceives: 6_001,
      sends: 6_001,
      receivedBytes: 99_999,
    });
    const address = "192.168.100.200:50000";
    const one = relaySummary({ client: address, upstream: address, up: flow, down: flow });
    const relays = { accepted: 3, running: 0, ended: 3, reasons: { client_fin: 3 } };
    const stats = engineStats({
      relays,
      up: flow,
      down: flow,
      loop: { turns: 3_457, events: 12_161 },
    });
    const lines = renderText(statistics(stats, [one, one, one], []), false).split("\n");
    expect(lines.length).toBeLessThanOrEqual(24);
    const long = lines.filter((line) => line.length > 80);
    expect(long).toEqual([]);
    expect(lines.join("\n")).not.toContain("pauses");
  });

  test("fits 100 columns with large figures and every reason", () => {
    const large = flowStats({
      receives: 123_456_789,
      shortReceives: 123_456_789,
      sends: 123_456_789,
      shortSends: 9_999,
      pauses: 9_999,
      receivedBytes: 9e15,
    });
    const words = [
      "client_fin",
      "upstream_fin",
      "client_reset",
      "upstream_reset",
      "drain",
    ] as const;
    const more = ["connect_refused", "connect_timeout", "connect_unreachable"] as const;
    const reasons = Object.fromEntries([...words, ...more].map((word) => [word, 1_000_000]));
    const relays = { accepted: 8_000_000, running: 0, ended: 8_000_000, reasons };
    const text = renderText(
      statistics(engineStats({ durationMs: 1e9, relays, up: large, down: large }), [], []),
      false,
    );
    expect(text.split("\n").filter((line) => line.length > 100)).toEqual([]);
    expect(text).toContain("client_reset 1,000,000,\n          upstream_reset");
  });
});
