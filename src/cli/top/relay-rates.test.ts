import { expect, test } from "bun:test";
import { relayStatistics } from "../../observe/statistics.ts";
import { flowStats, relaySummary } from "../../observe/test-figures.ts";
import { RelayRates } from "./relay-rates.ts";

function relay(id: number, durationMs: number, up: number, down = 0) {
  const flows = { up: flowStats({ receivedBytes: up }), down: flowStats({ receivedBytes: down }) };
  return relayStatistics(relaySummary({ id, durationMs, reason: null, ...flows }));
}

test("between two lists, both directions, by the relay's own clock", () => {
  const rates = new RelayRates();
  expect([...rates.update([relay(1, 5_000, 9_000), relay(2, 500, 100)])]).toEqual([
    [1, null],
    [2, 200],
  ]);
  expect([...rates.update([relay(1, 7_000, 9_500, 500), relay(2, 1_500, 100)])]).toEqual([
    [1, 500],
    [2, 0],
  ]);
});

test("the same list again tells nothing new", () => {
  const rates = new RelayRates();
  rates.update([relay(1, 5_000, 0)]);
  rates.update([relay(1, 6_000, 70)]);
  expect([...rates.update([relay(1, 6_000, 70)])]).toEqual([[1, 70]]);
  expect([...rates.update([relay(1, 7_000, 70)])]).toEqual([[1, 0]]);
});

test("one that was not listed for a while, or is of another process, is unknown", () => {
  const rates = new RelayRates();
  rates.update([relay(1, 5_000, 10)]);
  rates.update([]);
  expect([...rates.update([relay(1, 9_000, 20)])]).toEqual([[1, null]]);
  rates.forget();
  expect([...rates.update([relay(1, 9_500, 20)])]).toEqual([[1, null]]);
  expect([...rates.update([relay(2, 0, 20)])]).toEqual([[2, null]]);
});
