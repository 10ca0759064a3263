import { expect, test } from "bun:test";
import { listenerFigures } from "../../counts/figures.ts";
import type { MirrorStats } from "../mirror/account.ts";
import type { EngineStats } from "./stats.ts";
import { noStats, totalStats } from "./total.ts";

function stats(parts: Partial<EngineStats>): EngineStats {
  return { ...noStats("uring"), ...parts };
}

function mirrored(parts: Partial<MirrorStats>): MirrorStats {
  const none = { begun: 0, running: 0, completed: 0, dropped: {}, bytes: 0 };
  return { listener: "a", mirror: "m:1", ...none, ...parts };
}

test("nothing adds up to nothing", () => {
  expect(totalStats("sockets", [])).toEqual(noStats("sockets"));
  expect(totalStats("uring", [noStats("uring"), noStats("uring")])).toEqual(noStats("uring"));
});

test("counts add up, whichever engine has which", () => {
  const ring = {
    submissions: 1,
    completions: 2,
    silentSends: 3,
    receivesWithoutBuffer: 4,
    overflows: 5,
  };
  const one = stats({
    durationMs: 5,
    relays: { accepted: 3, running: 1, ended: 2, reasons: { client_fin: 2 } },
    ring,
    receiveSegments: [0, 7],
    acceptPauses: 1,
    routeFailures: 4,
    mirrors: [mirrored({ begun: 3, completed: 1, running: 1, dropped: { slow: 1 }, bytes: 9 })],
  });
  const other = stats({
    durationMs: 9,
    relays: { accepted: 4, running: 0, ended: 4, reasons: { client_fin: 1, drain: 3 } },
    receiveSegments: [0, 1, 2],
    sendSegments: [1],
    loop: { turns: 2, events: 6 },
    mirrors: [
      mirrored({ begun: 2, dropped: { slow: 1, reset: 1 } }),
      mirrored({ mirror: "m:2", begun: 5 }),
    ],
  });
  expect(totalStats("uring", [one, other, one])).toMatchObject({
    durationMs: 9,
    relays: { accepted: 10, running: 2, ended: 8, reasons: { client_fin: 5, drain: 3 } },
    ring: { submissions: 2, overflows: 10 },
    mirrors: [
      {
        mirror: "m:1",
        begun: 8,
        completed: 2,
        running: 2,
        dropped: { slow: 3, reset: 1 },
        bytes: 18,
      },
      { mirror: "m:2", begun: 5, dropped: {} },
    ],
    receiveSegments: [0, 15, 2],
    sendSegments: [1],
    loop: { turns: 2, events: 6 },
    acceptPauses: 2,
    routeFailures: 8,
  });
  // What went in is as it was.
  expect(one.ring).toBe(ring);
  expect(one.relays.accepted).toBe(3);
});

test("listeners with the same name are one, and so are their upstreams", () => {
  const redis = (upstream: string, reasons: object) => ({
    listener: "redis",
    ...listenerFigures.none(),
    accepted: 5,
    running: 1,
    waiting: 2,
    upstreams: [{ upstream, ended: reasons, upBytes: 10, downBytes: 20 }],
    valkey: null,
  });
  const other = {
    listener: ":1",
    ...listenerFigures.none(),
    accepted: 1,
    upstreams: [],
    valkey: null,
  };
  const one = stats({ listeners: [redis("a:1", { client_fin: 3 })] });
  const two = stats({ listeners: [other, redis("b:1", { drain: 1 })] });
  const total = totalStats("uring", [one, two, one]);
  expect(total.listeners).toEqual([
    {
      listener: "redis",
      ...listenerFigures.none(),
      accepted: 15,
      running: 3,
      waiting: 6,
      upstreams: [
        { upstream: "a:1", ended: { client_fin: 6 }, upBytes: 20, downBytes: 40 },
        { upstream: "b:1", ended: { drain: 1 }, upBytes: 10, downBytes: 20 },
      ],
      valkey: null,
    },
    other,
  ]);
  expect(one.listeners[0]?.upstreams[0]?.ended).toEqual({ client_fin: 3 });
});
