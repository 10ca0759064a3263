import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import type { Reason } from "../base/reason.ts";
import { Refusals } from "./refusals.ts";
import { relaySummary } from "./test-figures.ts";

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

/** What is warned of, and a way to end relays. */
function record() {
  const lines: string[] = [];
  const refusals = new Refusals((line) => lines.push(line));
  const end = (reason: Reason, count = 1, listener = "main") => {
    const relay = relaySummary({ listener, reason, upstream: null });
    for (let i = 0; i < count; i++) refusals.ended(relay);
  };
  return { lines, refusals, end };
}

test("the first client is told of at once, the others every ten seconds, as long as there are any", () => {
  const { lines, end } = record();
  end("no_upstream", 13);
  expect(lines).toEqual([
    "main: client 127.0.0.1:50000 refused: no upstream takes new relays (no_upstream)",
  ]);
  jest.advanceTimersByTime(9_999);
  expect(lines).toHaveLength(1);
  jest.advanceTimersByTime(1);
  end("no_upstream");
  jest.advanceTimersByTime(60_000);
  expect(lines.slice(1)).toEqual([
    "main: 12 more clients refused: no upstream takes new relays (no_upstream)",
    "main: 1 more client refused: no upstream takes new relays (no_upstream)",
  ]);
  end("no_upstream");
  expect(lines).toHaveLength(4);
});

test("listeners and reasons have lines of their own", () => {
  const { lines, refusals, end } = record();
  end("listener_full", 3);
  end("listener_full", 1, "db");
  end("client_rate", 2_000);
  refusals.flush();
  refusals.flush();
  expect(lines).toEqual([
    "main: client 127.0.0.1:50000 refused: the listener has reached maxRelays (listener_full)",
    "db: client 127.0.0.1:50000 refused: the listener has reached maxRelays (listener_full)",
    "main: client 127.0.0.1:50000 refused: clientRate is exceeded (client_rate)",
    "main: 2 more clients refused: the listener has reached maxRelays (listener_full)",
    "main: 1,999 more clients refused: clientRate is exceeded (client_rate)",
  ]);
});

test("who is relayed, or refused as the operator has it, is no line", () => {
  const { lines, refusals, end } = record();
  const silent = [
    "client_fin",
    "upstream_reset",
    "access_denied",
    "route_refused",
    "drain",
  ] as const;
  for (const reason of silent) end(reason, 10);
  refusals.flush();
  expect(lines).toEqual([]);
});
