import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Upstream } from "../../test/fixtures/upstream.ts";
import { waitFor } from "../../test/fixtures/wait.ts";
import { formatAddress, type TcpAddress } from "../base/address.ts";
import { ConfigError } from "../base/error.ts";
import type { Reason } from "../base/reason.ts";
import { listenerDefaults } from "../config/defaults.ts";
import { plainUpstream } from "../config/listeners.ts";
import type { HealthOptions, ListenerOptions, UpstreamOptions } from "../config/options.ts";
import type { UpstreamEvent } from "../relay/events.ts";
import { hearing } from "../relay/observer.ts";
import type { CheckOptions } from "../upstream/health/check-options.ts";
import { checkOptions } from "../upstream/health/test-redis.ts";
import { NameError } from "../upstream/names/name-error.ts";
import { TestClock } from "../upstream/names/test-clock.ts";
import { SLOTS_MAX, UpstreamTable } from "../upstream/table.ts";
import type { Next, Stage as Prepared } from "./stage.ts";
import { nextOf } from "./test-next.ts";
import type { UpstreamView } from "./upstream-view.ts";
import { Upstreams } from "./upstreams.ts";

setDefaultTimeout(20_000);

/** Nobody is there, and nothing is dialled in these tests but by checks. */
const at = (host: number): TcpAddress => ({ kind: "tcp", host: `127.9.9.${host}`, port: 9 });

interface Wanted {
  readonly name?: string;
  readonly port?: number;
  readonly health?: Partial<HealthOptions>;
}

function listener(
  upstreams: readonly (number | TcpAddress | UpstreamOptions)[],
  { name, port = 1, health = {} }: Wanted = {},
): ListenerOptions {
  const given = upstreams.map((one) => {
    if (typeof one === "object" && "weight" in one) return one;
    return plainUpstream(typeof one === "number" ? at(one) : one);
  });
  return {
    ...listenerDefaults,
    ...(name === undefined ? {} : { name }),
    address: { kind: "tcp", host: "127.0.0.1", port },
    upstreams: given,
    health: { ...listenerDefaults.health, ...health },
  };
}

const weighing = (host: number, weight: number) => ({ ...plainUpstream(at(host)), weight });

const often = (more: Partial<CheckOptions> = {}): CheckOptions =>
  checkOptions({ intervalMs: 20, fastIntervalMs: 10, timeoutMs: 1_000, ...more });

/** The control plane's upstreams, and everything that they tell. */
class Stage {
  readonly events: UpstreamEvent[] = [];
  readonly panics: [string, boolean][] = [];
  readonly lacks: [string, boolean][] = [];
  readonly drops: [number, number | null][] = [];
  /** Names that were asked for; all of them are this machine, but those that nobody knows. */
  readonly asked: string[] = [];
  /** Services that were to be asked for again. */
  readonly services: string[] = [];
  readonly clock = new TestClock();
  readonly upstreams = new Upstreams(
    2,
    hearing({
      upstreamChanged: (event) => this.events.push(event),
      panicChanged: ({ listener, isOn }) => this.panics.push([listener, isOn]),
      upstreamsLacking: ({ listener, isLacking }) => this.lacks.push([listener, isLacking]),
    }),
    (...drop) => this.drops.push(drop),
    {
      resolve: async (name) => {
        this.asked.push(name);
        if (name.endsWith(".invalid")) throw new NameError("unknown_host");
        return { addresses: [{ host: "127.0.0.1", family: 4 }], ttlMs: 60_000 };
      },
      clock: this.clock,
      refreshService: (name) => this.services.push(name),
    },
  );

  /** What a start does. @returns the rows of each listener's upstreams */
  start(...listeners: ListenerOptions[]): number[][] {
    return this.reload(...listeners);
  }

  /** What a reload does that is carried out. */
  reload(...listeners: ListenerOptions[]): number[][] {
    const { next, stage } = this.prepare(listeners);
    void stage.commit();
    return rows([...next.adopted.values()]);
  }

  /** The first half of one. */
  prepare(listeners: readonly ListenerOptions[]): { next: Next; stage: Prepared } {
    const next = nextOf(listeners);
    return { stage: this.upstreams.stage(next), next };
  }

  view(host: number, listenerName?: string): UpstreamView {
    const found = this.upstreams
      .views()
      .find(
        ({ upstream, listener: name }) =>
          upstream === formatAddress(at(host)) && name === (listenerName ?? name),
      );
    if (found === undefined) throw new Error(`there is no upstream ${host}`);
    return found;
  }

  /** Dials of this upstream fail in a row. */
  failDials(slot: number, count: number, reason: Reason = "connect_refused"): void {
    for (let dial = 0; dial < count; dial++) this.upstreams.dialFailed(slot, reason);
  }

  get open(): string[] {
    return this.upstreams
      .views()
      .filter(({ isOpen }) => isOpen)
      .map(({ upstream }) => upstream);
  }
}

function rows(listeners: readonly ListenerOptions[]): number[][] {
  return listeners.map(({ upstreams }) => upstreams.map(({ slot }) => slot));
}

const stages: Stage[] = [];
const targets: Upstream[] = [];

function stage(): Stage {
  const made = new Stage();
  stages.push(made);
  return made;
}

/** An upstream that accepts. */
function target(address: TcpAddress = { kind: "tcp", host: "127.0.0.1", port: 0 }): Upstream {
  const made = Upstream.listen(address, () => {});
  targets.push(made);
  return made;
}

/** Where nobody listens, until somebody is asked to. */
function refusing(): TcpAddress {
  const { address } = target();
  targets.pop()?.close();
  return address as TcpAddress;
}

afterEach(() => {
  for (const { upstreams } of stages.splice(0)) upstreams.stop();
  for (const one of targets.splice(0)) one.close();
});

describe("over reloads", () => {
  test("an upstream that stays with its listener keeps its row; each listener has rows of its own", () => {
    const made = stage();
    const [[a, b] = [], [other] = []] = made.start(listener([1, 2]), listener([1], { port: 2 }));
    expect(new Set([a, b, other]).size).toBe(3);
    const [[c, a2] = [], [other2] = []] = made.reload(
      listener([3, 1]),
      listener([1], { port: 2, name: "renamed" }),
    );
    expect([a2, other2]).toEqual([a, other]);
    expect([a, b, other]).not.toContain(c);
    expect(made.open.toSorted()).toEqual([at(1), at(1), at(3)].map(formatAddress));
    expect(made.view(1, "renamed").id).toBe(other as number);
  });

  test("addresses with one name are one listener, also when one of them goes", () => {
    const made = stage();
    const at = (port: number) => listener([1, 2], { name: "x", port });
    const [one = [], two = []] = made.reload(at(1), at(2));
    expect(two).toEqual(one);
    expect(made.upstreams.views().map(({ id }) => id)).toEqual(one);
    made.upstreams.set(one[0] ?? -1, { state: "drain" });
    expect(made.reload(at(2))).toEqual([one]);
    expect(made.upstreams.views().map(({ state }) => state)).toEqual(["drain", "ready"]);
  });

  test("it keeps its relays, and what an administrator wants of it", () => {
    const made = stage();
    const [[a = -1, b = -1] = []] = made.start(listener([1, 2]));
    const { upstreams } = made;
    for (let relays = 0; relays < 3; relays++) upstreams.table.enter(a, 0);
    upstreams.set(a, { weight: 7 });
    upstreams.set(b, { state: "drain" });
    made.reload(listener([weighing(2, 3), weighing(1, 5), 4]));
    expect(made.view(1)).toMatchObject({ running: 3, weight: 7, effectiveWeight: 7, isOpen: true });
    expect(made.view(2)).toMatchObject({ state: "drain", weight: 3, isOpen: false });
    // What was configured holds again when he does not mind any more.
    upstreams.set(a, { weight: null });
    expect(made.view(1)).toMatchObject({ weight: 5, effectiveWeight: 5 });
  });

  test("it keeps its health and its ejection", () => {
    const made = stage();
    const [[a = -1] = []] = made.start(listener([1, 2]));
    made.failDials(a, 3);
    made.reload(listener([1, 3]));
    expect(made.view(1)).toMatchObject({ health: "ejected", isOpen: false });
    // One that goes and comes back is a new one.
    made.reload(listener([3]));
    made.reload(listener([1, 3]));
    expect(made.view(1)).toMatchObject({ health: "unchecked", isOpen: true });
  });

  test("new weights hold, also while it starts slowly", () => {
    const made = stage();
    const [[a = -1] = []] = made.start(listener([1, 2], { health: { slowStartMs: 60_000 } }));
    made.failDials(a, 3);
    made.reload(listener([1, 2], { health: { slowStartMs: 60_000, ejection: null } }));
    const [up] = made.events.filter(({ to }) => to === "up");
    expect(up?.why).toBe("ejection is turned off");
    expect(made.view(1).effectiveWeight).toBeLessThan(0.1);
    made.reload(listener([weighing(1, 10), 2], { health: { slowStartMs: 60_000 } }));
    expect(made.view(1).effectiveWeight).toBeLessThan(1);
    expect(made.upstreams.table.fullWeight(a)).toBe(10 * made.upstreams.table.unit);
    made.reload(listener([weighing(1, 10), 2]));
    expect(made.view(1).effectiveWeight).toBe(10);
  });
});

describe("an upstream that leaves", () => {
  test("gets nobody any more, and its row goes to nobody while it has relays", () => {
    const made = stage();
    const { table } = made.upstreams;
    const [[a = -1] = []] = made.start(listener([1]));
    table.enter(a, 0);
    made.reload(listener([2]));
    expect(table.isOpen(a)).toBe(false);
    const fresh = made.reload(listener([2, ...Array.from({ length: 200 }, (_, n) => n + 3)]));
    expect(fresh.flat()).not.toContain(a);
    expect(table.running(a)).toBe(1);
    table.leave(a);
    expect(table.running(a)).toBe(0);
  });

  test("leaves a row that is not given away soon: relays that wait may still look at it", () => {
    const made = stage();
    const [[a = -1] = []] = made.start(listener([1]));
    const later = new Set<number>();
    for (let host = 2; host < 50; host++) {
      for (const row of made.reload(listener([host])).flat()) later.add(row);
    }
    expect(later).not.toContain(a);
    expect(later.size).toBe(48);
  });

  test("leaves a row that is given away in the end, with nothing of it", () => {
    const made = stage();
    const { table } = made.upstreams;
    const [[a = -1] = []] = made.start(listener([weighing(1, 9)]));
    table.dialed(a);
    const many = (from: number) =>
      Array.from({ length: 255 }, (_, n) => listener([n], { port: from + n }));
    let seen = 0;
    for (let round = 0; round * 255 < 2 * SLOTS_MAX; round++) {
      const given = made.reload(...many(10 + 1_000 * round)).flat();
      expect(new Set(given).size).toBe(255);
      if (given.includes(a)) seen++;
    }
    expect(seen).toBeGreaterThan(0);
    expect(table.wasDialed(a)).toBe(false);
  });

  test("can be had by those who wait at its listener, when that leaves too", () => {
    const made = stage();
    const { table } = made.upstreams;
    const [[a = -1, b = -1] = [], [c = -1] = [], [d = -1] = []] = made.start(
      listener([1, 2], { port: 2 }),
      listener([3], { port: 3, health: { onRemove: 0 } }),
      listener([4]),
    );
    made.upstreams.set(b, { state: "drain" });
    made.reload(listener([5]));
    expect([a, b, c, d].map((row) => table.isOpen(row))).toEqual([true, false, false, false]);
  });

  test("is not to be had by its number any more", () => {
    const made = stage();
    const [[a = -1] = []] = made.start(listener([1]));
    made.reload(listener([2]));
    expect(made.upstreams.set(a, { state: "ready" })).toBe(false);
    expect(made.upstreams.table.isOpen(a)).toBe(false);
    made.failDials(a, 10);
    expect(made.events).toEqual([]);
  });

  test("has its relays ended, if that is wanted", () => {
    const made = stage();
    const [[a = -1, b = -1] = [], [c = -1] = []] = made.start(
      listener([1, 2], { health: { onRemove: 5_000 } }),
      listener([3], { port: 2 }),
    );
    const { upstreams } = made;
    for (const [row, relays] of [
      [a, 3],
      [b, 1],
      [c, 5],
    ] as const) {
      for (let entered = 0; entered < relays; entered++) upstreams.table.enter(row, 0);
    }
    // As it was when it left, not as those have it that stay.
    const wanted = [listener([4], { health: { onRemove: 0 } })];
    expect(upstreams.endingWithout(wanted)).toBe(4);
    const { next, stage: prepared } = made.prepare(wanted);
    void prepared.commit();
    expect(next.relaysEnding).toBe(4);
    expect(made.drops).toEqual([
      [a, 5_000],
      [b, 5_000],
    ]);
    expect(made.drops.flat()).not.toContain(c);
    expect(upstreams.endingWithout(wanted)).toBe(0);
  });
});

describe("the row of a limit", () => {
  test("can be had again, once nobody is counted there", () => {
    const made = stage();
    const { upstreams } = made;
    const { table } = upstreams;
    made.start(listener([1]));
    const occupied = upstreams.rows.rowOf("occupied");
    table.enter(occupied, 0);
    upstreams.rows.keepRows(new Set());
    // Far more reloads than there are rows, each with another listener that has a limit.
    const given = new Set<number>();
    for (let round = 0; round < 2 * SLOTS_MAX; round++) {
      given.add(upstreams.rows.rowOf(`listener ${round}`));
      upstreams.rows.keepRows(new Set());
    }
    expect(given).not.toContain(occupied);
    table.leave(occupied);
    for (let round = 0; round < SLOTS_MAX; round++) {
      given.add(upstreams.rows.rowOf(`listener ${round}`));
      upstreams.rows.keepRows(new Set());
    }
    expect(given).toContain(occupied);
    expect(upstreams.rows.rowOf("kept")).toBe(upstreams.rows.rowOf("kept"));
  });
});

describe("a reload that is not carried out", () => {
  test("leaves everything as it was", async () => {
    const made = stage();
    const health = { check: often({ rise: 1, fall: 1 }), slowStartMs: 60_000, onDown: 0 };
    const [up, down] = [target().address as TcpAddress, refusing()];
    const before = [
      listener([{ ...plainUpstream(up), weight: 3 }, down], { health, name: "before" }),
      listener([1, 2], { port: 2 }),
    ];
    const [, [ejected = -1] = []] = made.start(...before);
    await waitFor(() => made.events.length === 1, "one is down");
    made.failDials(ejected, 3);
    made.events.length = 0;
    made.drops.length = 0;
    const stable = () => made.upstreams.views().map(({ lastCheck, healthForMs, ...view }) => view);
    const was = stable();
    const wanted = [
      // Other weights, no checks, no ejection, another name; and who is new.
      listener([down, 7, { ...plainUpstream(up), weight: 9 }], { name: "after" }),
      listener([1, 2], { port: 2, health: { ejection: null } }),
      listener([8], { port: 3 }),
    ];
    const { next, stage: prepared } = made.prepare(wanted);
    const adopted = rows([...next.adopted.values()]);
    expect(new Set(adopted.flat()).size).toBe(6);
    expect(stable()).toEqual(was);
    void prepared.discard();
    expect(stable()).toEqual(was);
    expect([made.events, made.drops]).toEqual([[], []]);
  });

  test("counts for nothing: who is left as the last one stays, and nobody is told of anything", async () => {
    const made = stage();
    const wider = (...hosts: number[]) =>
      listener(hosts, { name: "l", health: { panicPercent: 60 } });
    const prepared = async (look: () => void) => {
      const was = [made.open, [...made.panics], [...made.lacks]];
      const { stage: one } = made.prepare([wider(1, 2, 3, 4, 5), listener([6], { port: 2 })]);
      expect([made.open, made.panics, made.lacks]).toEqual(was);
      look();
      expect([made.open, made.panics, made.lacks]).toEqual(was);
      await one.discard();
      expect([made.open, made.panics, made.lacks]).toEqual(was);
    };
    const [[a = -1, b = -1] = []] = made.start(wider(1, 2));
    made.failDials(a, 3);
    // In panic both are open.
    expect(made.panics).toEqual([["l", true]]);
    await prepared(() => made.failDials(a, 1));
    made.upstreams.set(b, { state: "drain" });
    expect(made.open).toEqual([formatAddress(at(1))]);
    await prepared(() => made.upstreams.set(b, { weight: 3 }));
    made.upstreams.set(a, { state: "drain" });
    expect(made.lacks).toEqual([["l", true]]);
    await prepared(() => made.upstreams.set(b, { weight: 4 }));
    // Ejected, and spared as there is nobody else.
    const last = stage();
    const [[c = -1] = []] = last.start(listener([1]));
    last.failDials(c, 3);
    expect(last.open).toEqual([formatAddress(at(1))]);
    const { stage: more } = last.prepare([listener([1, 2])]);
    expect(last.open).toEqual([formatAddress(at(1))]);
    await more.commit();
    expect(last.open).toEqual([formatAddress(at(2))]);
  });

  test("tells nothing of how its upstreams are, and one that is carried out does so then", async () => {
    const made = stage();
    const health = { check: often({ rise: 1, fall: 1 }) };
    const nobody = listener([refusing()], { name: "l", health });
    const check = { ...often({ rise: 1, fall: 1 }) };
    const isDown = (one: Stage, { adopted }: Next) => {
      const [[slot = -1] = []] = rows([...adopted.values()]);
      return !one.upstreams.table.isOpen(slot);
    };
    const { next, stage: given } = made.prepare([nobody]);
    await waitFor(() => isDown(made, next), "it is found down");
    await given.discard();
    expect([made.events, made.lacks]).toEqual([[], []]);
    const { next: again, stage: taken } = made.prepare([
      { ...nobody, health: { ...nobody.health, check } },
    ]);
    await waitFor(() => isDown(made, again), "it is found down again");
    expect(made.events).toEqual([]);
    await taken.commit();
    expect(made.events.map(({ to }) => to)).toEqual(["down"]);
    expect(made.lacks).toEqual([["l", true]]);
  });

  test("is one that wants more upstreams than there can be", () => {
    const made = stage();
    const before = [listener([1])];
    made.start(...before);
    const was = made.upstreams.views().map(({ id }) => id);
    const many = Array.from({ length: 1 + Math.ceil(SLOTS_MAX / 250) }, (_, n) =>
      listener(
        Array.from({ length: 250 }, (_, host) => host),
        { port: n + 10 },
      ),
    );
    expect(() => made.prepare(many)).toThrow(ConfigError);
    expect(made.upstreams.views().map(({ id }) => id)).toEqual(was);
    // And all rows can be had again.
    const most = many.slice(2);
    expect(made.reload(...most).flat()).toHaveLength(250 * most.length);
  });
});

describe("of twenty thousand", () => {
  test("each has a row, and what happens to many is told together", async () => {
    const made = stage();
    const many = Array.from({ length: 20_000 }, (_, n) => ({
      kind: "tcp" as const,
      host: `10.9.${n >> 8}.${n & 255}`,
      port: 1,
    }));
    const [slots = []] = made.start(listener(many));
    expect(new Set(slots).size).toBe(20_000);
    expect(made.open).toHaveLength(20_000);
    const { table } = made.upstreams;
    const before = table.changes;
    for (const slot of slots.slice(0, 5_000)) made.failDials(slot, 3);
    expect(made.events).toHaveLength(5_000);
    await waitFor(() => table.changes === before + 5_000, "all that are ejected are closed");
    expect(slots.map((slot) => table.isOpen(slot)).lastIndexOf(false)).toBe(4_999);
  });
});

describe("an administrator", () => {
  test("takes an upstream out, and lets it in again", () => {
    const made = stage();
    const [[a = -1] = []] = made.start(listener([1, 2]));
    const { upstreams } = made;
    for (const state of ["drain", "maintenance"] as const) {
      expect(upstreams.set(a, { state })).toBe(true);
      const health = state === "drain" ? "unchecked" : "unknown";
      expect(made.view(1)).toMatchObject({ state, isOpen: false, health });
      expect(made.open).toEqual([formatAddress(at(2))]);
      upstreams.set(a, { state: "ready" });
      expect(made.view(1)).toMatchObject({ isOpen: true });
    }
    expect(upstreams.set(12_345, { state: "drain" })).toBe(false);
    expect(made.events).toEqual([]);
  });

  test("has it checked while it drains, and not in maintenance", async () => {
    const made = stage();
    const [one, other] = [target(), target()];
    const addresses = [one.address, other.address] as TcpAddress[];
    const health = { check: often() };
    const [[a = -1] = []] = made.start(listener(addresses, { health }));
    const view = () => made.upstreams.views()[0];
    const checks = async ({ ends }: Upstream, more: number) => {
      const before = ends.length;
      await waitFor(() => ends.length >= before + more, `${more} more checks`);
    };
    made.upstreams.set(a, { state: "drain" });
    await checks(one, 3);
    expect(view()).toMatchObject({ health: "up", isOpen: false });

    made.upstreams.set(a, { state: "maintenance" });
    // One may have been accepted by the system before.
    await checks(other, 2);
    const before = one.ends.length;
    one.close();
    await checks(other, 10);
    expect(one.ends).toHaveLength(before);
    made.failDials(a, 9);
    made.reload(listener(addresses, { health: { ...health, panicPercent: 1 } }));
    expect(view()).toMatchObject({ health: "unknown", lastCheck: null, isOpen: false });
    expect(made.events).toEqual([]);

    // As a new one: it is checked before it gets anybody, as the other one is well.
    made.upstreams.set(a, { state: "ready" });
    expect(view()).toMatchObject({ health: "up", isOpen: false });
    await waitFor(() => made.events.length > 0, "it is down");
    const why = "a check failed: connect: ECONNREFUSED";
    expect(made.events).toMatchObject([{ from: "up", to: "down", why }]);
  });

  test("has one that was in maintenance start slowly, where that is wanted", () => {
    const made = stage();
    const [[a = -1] = []] = made.start(listener([1, 2], { health: { slowStartMs: 60_000 } }));
    made.upstreams.set(a, { state: "drain" });
    made.upstreams.set(a, { state: "ready" });
    expect(made.view(1).effectiveWeight).toBe(1);
    made.upstreams.set(a, { state: "maintenance" });
    made.upstreams.set(a, { state: "ready" });
    expect(made.view(1).effectiveWeight).toBeLessThan(0.1);
  });

  test("gives it another weight, of which 0 is none", () => {
    const made = stage();
    const [[a = -1] = []] = made.start(listener([weighing(1, 2), 2]));
    made.upstreams.set(a, { weight: 0 });
    expect(made.view(1)).toMatchObject({ weight: 0, effectiveWeight: 0, isOpen: false });
    made.upstreams.set(a, { weight: null });
    expect(made.view(1)).toMatchObject({ weight: 2, effectiveWeight: 2, isOpen: true });
  });
});

describe("dials that fail", () => {
  test("eject an upstream, once, that is unchecked and not up before", () => {
    const made = stage();
    const [[a = -1] = []] = made.start(listener([1, 2], { name: "cache" }));
    made.failDials(a, 2);
    expect(made.view(1)).toMatchObject({ health: "unchecked", isOpen: true });
    made.failDials(a, 5);
    expect(made.view(1)).toMatchObject({ health: "ejected", isOpen: false });
    expect(made.events).toMatchObject([
      { listener: "cache", upstream: formatAddress(at(1)), from: "up", to: "ejected" },
    ]);
  });

  test("do not when one was answered in between", () => {
    const made = stage();
    const [[a = -1] = []] = made.start(listener([1, 2]));
    for (let round = 0; round < 5; round++) {
      made.failDials(a, 2);
      made.upstreams.table.dialed(a);
    }
    expect(made.events).toEqual([]);
  });

  test("do not when that is our own fault", () => {
    const made = stage();
    const [[a = -1] = []] = made.start(listener([1, 2]));
    made.failDials(a, 9, "descriptor_limit");
    made.failDials(a, 9, "local_limit");
    expect(made.events).toEqual([]);
  });

  test("are those of one listener alone", () => {
    const made = stage();
    const [[a = -1] = []] = made.start(
      listener([1, 2], { name: "one" }),
      listener([1, 2], { name: "other", port: 2 }),
    );
    made.failDials(a, 3);
    expect(made.view(1, "one").isOpen).toBe(false);
    expect(made.view(1, "other").isOpen).toBe(true);
  });

  test("leave whoever is left: an upstream that dials speak against is better than none", () => {
    const made = stage();
    const [[a = -1, b = -1] = []] = made.start(listener([1, 2]));
    made.failDials(a, 3);
    expect(made.open).toEqual([formatAddress(at(2))]);
    made.failDials(b, 3);
    expect(made.view(2).health).toBe("ejected");
    expect(made.open).toEqual([at(1), at(2)].map(formatAddress));
    // Nobody opens what somebody has closed, or has given no weight.
    made.upstreams.set(a, { state: "maintenance" });
    expect(made.open).toEqual([formatAddress(at(2))]);
    made.upstreams.set(a, { state: "ready", weight: 0 });
    expect(made.open).toEqual([formatAddress(at(2))]);
  });

  test("leave a backup as the one that gets relays", () => {
    const made = stage();
    const [[a = -1] = []] = made.start(
      listener([plainUpstream(at(1)), { ...plainUpstream(at(2)), isBackup: true }]),
    );
    made.failDials(a, 3);
    expect(made.open).toEqual([formatAddress(at(2))]);
  });

  test("open nobody whom checks have found down", async () => {
    const made = stage();
    const { port } = refusing();
    const check = often();
    const [[a = -1] = []] = made.start(
      listener([1, { kind: "tcp", host: "127.0.0.1", port }], { health: { check } }),
    );
    await waitFor(() => made.open.length === 0, "both are down");
    made.failDials(a, 9);
    expect(made.open).toEqual([]);
  });

  test("end when one is answered that had nobody else to go to, in any worker", async () => {
    const made = stage();
    const { table } = made.upstreams;
    const elsewhere = new UpstreamTable(2, 1, table.memory);
    const [[a = -1] = []] = made.start(listener([1]));
    made.failDials(a, 3);
    expect(made.view(1)).toMatchObject({ health: "ejected", isOpen: true });
    elsewhere.dialed(a);
    await waitFor(() => made.view(1).health === "unchecked", "it is up again");
    expect(made.events.at(-1)).toMatchObject({
      from: "ejected",
      to: "up",
      why: "a dial was answered",
    });
    // Also when failures are told before anybody has looked.
    made.failDials(a, 3);
    elsewhere.dialed(a);
    made.failDials(a, 1);
    expect(made.view(1)).toMatchObject({ health: "unchecked", isOpen: true });
  });

  test("do not end with late news: who is closed gets no dial that could be answered", async () => {
    const made = stage();
    const { table } = made.upstreams;
    const [[a = -1, b = -1] = []] = made.start(listener([1, 2]));
    made.failDials(a, 3);
    table.dialed(a);
    made.failDials(a, 1);
    expect(made.view(1)).toMatchObject({ health: "ejected", isOpen: false });
    made.failDials(b, 3);
    expect(made.view(1)).toMatchObject({ health: "ejected", isOpen: true });
    table.dialed(b);
    await waitFor(() => made.view(2).health === "unchecked", "the other one is back");
    expect(made.view(1)).toMatchObject({ health: "ejected", isOpen: false });
  });

  test("end with their time, and are told", async () => {
    const made = stage();
    const ejection = { failures: 1, withinMs: 1_000, baseMs: 30, mostMs: 30 };
    const [[a = -1] = []] = made.start(listener([1, 2], { health: { ejection } }));
    made.failDials(a, 1);
    expect(made.view(1).isOpen).toBe(false);
    await waitFor(() => made.view(1).isOpen, "its ejection is over");
    expect(made.events.map(({ from, to }) => `${from} ${to}`)).toEqual([
      "up ejected",
      "ejected up",
    ]);
  });
});

describe("a name that cannot be resolved", () => {
  const named = (host: string): TcpAddress => ({ kind: "tcp", host, port: 9 });

  test("is the upstream's trouble: nobody knows how it is", async () => {
    const made = stage();
    made.start(listener([named("nohost.invalid"), named("host.example"), 1]));
    const views = () => made.upstreams.views();
    await waitFor(() => views()[0]?.trouble !== null, "the name is not known");
    expect(views()).toMatchObject([
      // The next dial asks again.
      { health: "unknown", trouble: "unknown host", isOpen: true },
      { health: "unchecked", trouble: null },
      { health: "unchecked", trouble: null },
    ]);
  });

  test("is told beside what else is known of it", async () => {
    const made = stage();
    const [[a = -1] = []] = made.start(listener([named("nohost.invalid"), 1]));
    made.failDials(a, 3);
    const view = () => made.upstreams.views()[0];
    await waitFor(() => view()?.trouble !== null, "the name is not known");
    expect(view()).toMatchObject({ health: "ejected", trouble: "unknown host" });
    const checked = stage();
    checked.start(listener([named("nohost.invalid")], { health: { check: often() } }));
    const other = () => checked.upstreams.views()[0];
    await waitFor(() => other()?.health === "down", "its check has failed");
    expect(other()?.trouble).toBe("unknown host");
  });
});

describe("checks", () => {
  test("close an upstream that is down, tell it once, and open it when it is back", async () => {
    const made = stage();
    const [one, other] = [target(), target()];
    const upstreams = [one.address, other.address].map((each) => each as TcpAddress);
    made.start(listener(upstreams, { health: { check: often(), onDown: 1_234 } }));
    const views = () => made.upstreams.views();
    await waitFor(() => views().every(({ lastCheck }) => lastCheck !== null), "they are checked");
    expect(made.open).toHaveLength(2);
    one.close();
    await waitFor(() => made.open.length === 1, "one is down");
    expect(made.drops).toEqual([[views()[0]?.id as number, 1_234]]);
    target(one.address as TcpAddress);
    await waitFor(() => made.open.length === 2, "it is up again");
    expect(made.events.map(({ to }) => to)).toEqual(["down", "up"]);
    expect(made.drops.slice(1)).toEqual([[views()[0]?.id as number, null]]);
  });

  test("let relays that were to end go on when there is no reason any more, and not before", async () => {
    const made = stage();
    const one = target();
    const other = target();
    const upstreams = [one.address, other.address].map((each) => each as TcpAddress);
    const wanted = (onDown: number | null) =>
      listener(upstreams, { health: { check: often(), onDown } });
    const [[id = -1] = []] = made.start(wanted(1_234));
    const drops = () => made.drops.filter(([slot]) => slot === id);
    one.close();
    await waitFor(() => drops().length === 1, "one is down");
    made.upstreams.set(id, { state: "drain" });
    made.upstreams.set(id, { state: "ready" });
    expect(drops().slice(1)).toEqual([[id, 1_234]]);
    made.reload(wanted(null));
    expect(drops().slice(2)).toEqual([[id, null]]);
    made.upstreams.set(id, { state: "drain" });
    target(one.address as TcpAddress);
    await waitFor(() => made.events.at(-1)?.to === "up", "it is up again");
    expect(drops()).toHaveLength(3);
    made.upstreams.set(id, { state: "ready" });
    expect(drops().slice(3)).toEqual([[id, null]]);
  });

  test("end the relays of backups when a primary is up again, and let them be when it has gone once more", async () => {
    const made = stage();
    const [primary, backup] = [target(), target()];
    const upstreams = [
      plainUpstream(primary.address as TcpAddress),
      { ...plainUpstream(backup.address as TcpAddress), isBackup: true },
    ];
    const wanted = (onUp: number | null) =>
      listener(upstreams, { health: { check: often(), onUp } });
    const [[, id = -1] = []] = made.start(wanted(1_234));
    const drops = () => made.drops.filter(([slot]) => slot === id).map(([, within]) => within);
    await waitFor(() => drops().length === 1, "the primary is checked");
    primary.close();
    await waitFor(() => made.events.at(-1)?.to === "down", "the primary is down");
    expect(drops()).toEqual([1_234, null]);
    target(primary.address as TcpAddress);
    await waitFor(() => made.events.at(-1)?.to === "up", "the primary is up again");
    expect(drops()).toEqual([1_234, null, 1_234]);
    // An administrator who sets a backup ready again does not keep its relays.
    made.upstreams.set(id, { state: "drain" });
    made.upstreams.set(id, { state: "ready" });
    expect(drops().slice(3)).toEqual([1_234]);
    made.reload(wanted(null));
    expect(drops().slice(4)).toEqual([null]);
  });

  test("have relays of backups go on where nothing else is wanted", async () => {
    const made = stage();
    const [primary, backup] = [target(), target()];
    const upstreams = [
      plainUpstream(primary.address as TcpAddress),
      { ...plainUpstream(backup.address as TcpAddress), isBackup: true },
    ];
    const [[, id = -1] = []] = made.start(listener(upstreams, { health: { check: often() } }));
    await waitFor(() => made.upstreams.views()[0]?.lastCheck !== null, "the primary is checked");
    primary.close();
    await waitFor(() => made.events.at(-1)?.to === "down", "the primary is down");
    target(primary.address as TcpAddress);
    await waitFor(() => made.events.at(-1)?.to === "up", "the primary is up again");
    expect(made.drops.filter(([slot]) => slot === id)).toEqual([]);
  });

  test("go to the kept addresses of a name, also to one of their own", async () => {
    const made = stage();
    const [first, second] = [target(), target()];
    const named = (host: string, { address }: Upstream): TcpAddress => {
      return { ...(address as TcpAddress), host };
    };
    const check = often({ address: named("b.test", second) });
    made.start(
      listener([named("a.test", first)], { health: { check: often() } }),
      listener([named("a.test", first)], { port: 2, health: { check } }),
    );
    await waitFor(() => first.ends.length > 3 && second.ends.length > 3, "both are checked");
    expect(made.upstreams.views().map(({ lastCheck }) => lastCheck?.detail)).toEqual([
      "connected",
      "connected",
    ]);
    expect(made.asked).toEqual(["a.test", "b.test"]);
  });

  test("of the engines know nothing", () => {
    const made = stage();
    const check = often();
    const { next } = made.prepare([listener([1], { health: { check } })]);
    const [adopted] = next.adopted.values();
    expect(adopted?.health.check).toBeNull();
  });
});

describe("slow start", () => {
  test("raises the weight of one that is up again, up to all of it", async () => {
    const made = stage();
    const ejection = { failures: 1, withinMs: 1_000, baseMs: 1, mostMs: 1 };
    const health = { ejection, slowStartMs: 1_000 };
    const [[a = -1] = []] = made.start(listener([weighing(1, 10), 2], { health }));
    expect(made.view(1).effectiveWeight).toBe(10);
    made.failDials(a, 1);
    await waitFor(() => made.view(1).isOpen, "its ejection is over");
    const seen = [made.view(1).effectiveWeight];
    expect(seen[0]).toBeGreaterThan(0);
    expect(seen[0]).toBeLessThan(2);
    await waitFor(() => {
      const { effectiveWeight } = made.view(1);
      if (effectiveWeight !== seen.at(-1)) seen.push(effectiveWeight);
      return effectiveWeight === 10;
    }, "it has its whole weight");
    expect(seen).toEqual(seen.toSorted((x, y) => x - y));
    expect(seen.length).toBeGreaterThanOrEqual(4);
    expect(made.upstreams.table.fullWeight(a)).toBe(10 * made.upstreams.table.unit);
  });

  test("is not for one that is there from the beginning", () => {
    const made = stage();
    made.start(listener([1], { health: { slowStartMs: 60_000 } }));
    expect(made.view(1).effectiveWeight).toBe(1);
  });
});

describe("a listener without any upstream that takes relays", () => {
  test("is told once, whatever the cause, and when there is one again", async () => {
    const made = stage();
    const listeners = [
      listener([1, 2], { name: "l" }),
      listener([refusing()], { name: "m", port: 2, health: { check: often() } }),
    ];
    const [[a = -1, b = -1] = []] = made.start(...listeners);
    await waitFor(() => made.lacks.length === 1, "its only upstream is down");
    made.upstreams.set(a, { state: "drain" });
    expect(made.lacks).toEqual([["m", true]]);
    made.upstreams.set(b, { state: "maintenance" });
    made.upstreams.set(b, { state: "drain" });
    made.upstreams.set(a, { state: "ready" });
    made.upstreams.set(b, { state: "ready" });
    expect(made.lacks.slice(1)).toEqual([
      ["l", true],
      ["l", false],
    ]);
  });

  test("is new again when it comes back", () => {
    const made = stage();
    const other = listener([2], { name: "m", port: 2 });
    const one = listener([1], { name: "l" });
    const [[a = -1] = []] = made.start(one);
    made.upstreams.set(a, { state: "drain" });
    made.reload(other);
    const [[again = -1] = []] = made.reload(one);
    made.upstreams.set(again, { state: "drain" });
    expect(made.lacks).toEqual([
      ["l", true],
      ["l", true],
    ]);
  });
});

describe("panic", () => {
  test("opens all when too little of the weight is open, and is told once", () => {
    const made = stage();
    const health = { panicPercent: 50 };
    const [[a = -1, b = -1, c = -1] = []] = made.start(listener([1, 2, 3], { name: "l", health }));
    made.failDials(a, 3);
    expect([made.open.length, made.panics]).toEqual([2, []]);
    made.failDials(b, 3);
    expect(made.open).toHaveLength(3);
    made.failDials(c, 3);
    expect(made.open).toHaveLength(3);
    expect(made.panics).toEqual([["l", true]]);
    // Whoever was taken out stays out, and does not count.
    made.upstreams.set(a, { state: "drain" });
    expect(made.open).toHaveLength(2);
    made.reload(listener([1, 2, 3], { name: "l", health: { ...health, ejection: null } }));
    expect(made.open).toHaveLength(2);
    expect(made.panics).toEqual([
      ["l", true],
      ["l", false],
    ]);
  });

  test("is over when a reload does not want it any more, and with its listener", () => {
    const made = stage();
    const wanted = (panicPercent: number) =>
      listener([1, 2, 3], { name: "l", health: { panicPercent } });
    const [[a = -1, b = -1] = []] = made.start(wanted(50));
    made.failDials(a, 3);
    made.failDials(b, 3);
    expect(made.open).toHaveLength(3);
    made.reload(wanted(0));
    expect(made.open).toEqual([formatAddress(at(3))]);
    made.reload(wanted(50));
    expect(made.open).toHaveLength(3);
    expect(made.panics).toEqual([
      ["l", true],
      ["l", false],
      ["l", true],
    ]);
    // Another listener at the same place begins without.
    made.reload();
    made.reload(wanted(50));
    expect(made.panics).toHaveLength(3);
    expect(made.open).toHaveLength(3);
  });
});

test("a worker that is no more has its relays taken back", () => {
  const made = stage();
  const [[a = -1] = []] = made.start(listener([1]));
  made.upstreams.table.enter(a, 0);
  made.upstreams.workerFailed(1);
  expect(made.view(1).running).toBe(1);
  made.upstreams.workerFailed(0);
  expect(made.view(1).running).toBe(0);
});

test("after a stop nothing is checked or told, and late news does no harm", () => {
  const made = stage();
  const [[a = -1] = []] = made.start(listener([1, 2], { health: { check: often() } }));
  made.upstreams.stop();
  made.failDials(a, 9);
  made.upstreams.set(a, { state: "drain" });
  // A reload may just have been under way.
  made.reload(listener([1, 3]));
  made.upstreams.stop();
  expect(made.events).toEqual([]);
});

describe("what cannot be reached is looked up again", () => {
  const tcp = (host: string): TcpAddress => ({ kind: "tcp", host, port: 9 });

  test("the name of an upstream and of its check, and the service of a member", async () => {
    const made = stage();
    const member = { ...plainUpstream(tcp("member.test")), service: "_db._tcp.test" };
    const address = tcp("check.test");
    const health = { check: { ...often({ address }), intervalMs: 3_600_000 } };
    const [[a = -1] = []] = made.start(listener([member], { health }));
    await waitFor(() => made.asked.length === 2, "both names were asked for");
    made.clock.advance(1_000);
    // When our own descriptors have run out that says nothing of any upstream.
    made.failDials(a, 1, "descriptor_limit");
    made.clock.advance(0);
    const before = made.services.length;
    made.failDials(a, 1);
    made.clock.advance(0);
    await waitFor(() => made.asked.length === 4, "both were asked for again");
    expect(made.asked.toSorted()).toEqual([
      "check.test",
      "check.test",
      "member.test",
      "member.test",
    ]);
    expect(made.services.slice(before)).toEqual(["_db._tcp.test"]);
  });

  test("the name of a mirror", async () => {
    const made = stage();
    const mirror = { address: tcp("mirror.test"), bufferSize: 65_536, percent: 100 };
    made.reload({ ...listener([1]), mirror });
    await waitFor(() => made.asked.length === 1, "the name was asked for");
    made.clock.advance(1_000);
    made.upstreams.mirrorFailed("other.test:9");
    made.upstreams.mirrorFailed("mirror.test:9");
    made.clock.advance(0);
    await waitFor(() => made.asked.length === 2, "it was asked for again");
  });
});
