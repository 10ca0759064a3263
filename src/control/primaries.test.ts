import { expect, test } from "bun:test";
import { parseAddress } from "../base/address.ts";
import { listenerDefaults } from "../config/defaults.ts";
import { plainUpstream } from "../config/listeners.ts";
import { hearing } from "../relay/observer.ts";
import type { HealthView } from "../upstream/health/checker.ts";
import { checkOptions } from "../upstream/health/test-redis.ts";
import { Entries } from "./entries.ts";
import type { Entry } from "./entry.ts";
import { Primaries } from "./primaries.ts";

const health = { ...listenerDefaults.health, check: checkOptions({ role: "primary" }) };

const view: HealthView = {
  name: "",
  status: "up",
  state: "up",
  hasPassed: true,
  sinceMs: 0,
  ejectedUntilMs: 0,
  addresses: [],
  lastCheck: null,
};

function entry(upstream: string, more: Partial<Entry> = {}): Entry {
  const address = parseAddress(upstream, "upstream");
  return {
    key: upstream,
    home: "l",
    listener: "l",
    options: { ...plainUpstream(address), address, slot: 0 },
    health,
    state: "ready",
    stateSince: 0,
    weight: null,
    risingSince: null,
    joinsOthers: false,
    isHeld: true,
    untold: [],
    ...more,
  };
}

function made() {
  const told: (readonly string[])[] = [];
  const entries = new Entries();
  const observer = hearing({ primariesChanged: ({ upstreams }) => told.push(upstreams) });
  return { told, entries, primaries: new Primaries(entries, { view: () => view }, observer) };
}

test("one of a reload that is under way does not count, until that holds", () => {
  const { told, entries, primaries } = made();
  const newcomer = entry("10.0.0.2:1", { isHeld: false });
  for (const one of [entry("10.0.0.1:1"), newcomer]) entries.add(one);
  primaries.look("l");
  expect(told).toEqual([]);
  newcomer.isHeld = true;
  primaries.lookAgain([newcomer]);
  expect(told).toEqual([["10.0.0.1:1", "10.0.0.2:1"]]);
  primaries.lookAgain([]);
  expect(told).toHaveLength(1);
});

test("when a reload takes one of two away, that is told", () => {
  const { told, entries, primaries } = made();
  const [one, other] = [entry("10.0.0.1:1"), entry("10.0.0.2:1")];
  for (const each of [one, other]) entries.add(each);
  primaries.look("l");
  expect(told).toHaveLength(1);
  entries.remove(other);
  primaries.lookAgain([]);
  expect(told.at(-1)).toEqual(["10.0.0.1:1"]);
});
