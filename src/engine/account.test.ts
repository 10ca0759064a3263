import { expect, test } from "bun:test";
import { plainUpstream } from "../config/listeners.ts";
import { type Address, listenerDefaults } from "../config/options.ts";
import type { Reason } from "../flow/reason.ts";
import { ListenerAccount, nameOfListener } from "./account.ts";
import { Summary } from "./summary.ts";
import { noFlowStats } from "./tally.ts";

const one: Address = { kind: "tcp", host: "10.0.0.1", port: 6379 };
/** The same upstream, as another listener has it. */
const twin: Address = { ...one };
const other: Address = { kind: "unix", path: "/run/other.sock" };

function ended(upstream: Address | null, reason: Reason, up: number, down: number): Summary {
  const [upStats, downStats] = [noFlowStats(), noFlowStats()];
  upStats.receivedBytes = up;
  downStats.receivedBytes = down;
  const client = Uint8Array.of(1, 0);
  return new Summary(
    1,
    "a",
    client,
    upstream,
    0,
    1,
    1,
    null,
    null,
    reason,
    null,
    upStats,
    downStats,
  );
}

test("relays are counted by their upstream, however often its address was copied", () => {
  const account = new ListenerAccount("a");
  account.accepted = 4;
  account.running = 4;
  account.ended(ended(one, "client_fin", 10, 100));
  account.ended(ended(twin, "client_fin", 1, 2));
  account.ended(ended(twin, "drain", 1, 2));
  account.ended(ended(other, "connect_refused", 5, 0));
  expect(account.stats()).toEqual({
    listener: "a",
    accepted: 4,
    running: 0,
    upstreams: [
      {
        upstream: "10.0.0.1:6379",
        ended: { client_fin: 2, drain: 1 },
        upBytes: 12,
        downBytes: 104,
      },
      { upstream: "unix:/run/other.sock", ended: { connect_refused: 1 }, upBytes: 5, downBytes: 0 },
    ],
  });
});

test("bytes of running relays count at once, and once", () => {
  const account = new ListenerAccount("a");
  const bytes = () => account.stats().upstreams.map(({ upBytes }) => upBytes);
  account.runs(null, 7, 0);
  expect(bytes()).toEqual([7]);
  account.recount();
  account.runs(null, 9, 0);
  account.runs(null, 1, 0);
  expect(bytes()).toEqual([10]);
  account.ended(ended(null, "client_fin", 9, 0));
  account.recount();
  account.runs(null, 1, 0);
  expect(bytes()).toEqual([10]);
});

test("a listener is called by its name, or by where it is", () => {
  const options = { ...listenerDefaults, address: one, upstreams: [] } as const;
  expect(nameOfListener({ ...options }, { ...one, port: 1 })).toBe("10.0.0.1:1");
  expect(nameOfListener({ ...options, name: "redis" }, one)).toBe("redis");
});

test("of upstreams that come and go without end only the last ones are known", () => {
  const account = new ListenerAccount("a");
  const at = (port: number): Address => ({ kind: "tcp", host: "10.0.0.2", port });
  const stays = plainUpstream(one);
  account.ended(ended(one, "client_fin", 10, 100));
  account.ended(ended(null, "no_upstream", 0, 0));
  for (let port = 1; port <= 2_000; port++) {
    account.keep([stays, plainUpstream(at(port))]);
    account.ended(ended(at(port), "client_fin", 1, 1));
  }
  const { upstreams } = account.stats();
  const names = upstreams.map(({ upstream }) => upstream);
  // Who is there, none, the last one, and those that were there before it.
  expect(names).toHaveLength(3 + 256);
  expect(names.slice(0, 3)).toEqual(["10.0.0.1:6379", null, "10.0.0.2:1744"]);
  expect(names.at(-1)).toBe("10.0.0.2:2000");
  account.ended(ended(one, "client_fin", 1, 1));
  expect(account.stats().upstreams[0]).toMatchObject({ ended: { client_fin: 2 }, upBytes: 11 });
});
