import { describe, expect, test } from "bun:test";
import { listenerDefaults } from "../config/defaults.ts";
import { plainUpstream } from "../config/listeners.ts";
import type { BalanceOptions, UpstreamOptions } from "../config/options.ts";
import { type ClientAddress, UNIX_CLIENT } from "../entry/access/client-address.ts";
import { clientAt } from "../entry/access/test-addresses.ts";
import { policies } from "./balance/balance.ts";
import { NO_UPSTREAM, UpstreamChooser } from "./chooser.ts";
import { UpstreamTable } from "./table.ts";

/** A client's address, in the kernel's form: 10.0.0.`host`, port `port`. */
function client(host: number, port = 1_000): ClientAddress {
  return clientAt(`10.0.0.${host & 255}`, port);
}

/** Upstreams with rows in the opposite order: a number is no row. */
function upstreams(...more: readonly Partial<UpstreamOptions>[]): UpstreamOptions[] {
  return more.map((options, index) => ({
    ...plainUpstream({ kind: "tcp", host: `10.1.0.${index}`, port: 6379 }),
    slot: 100 - index,
    ...options,
  }));
}

function choosing(
  options: readonly UpstreamOptions[],
  balance: Partial<BalanceOptions> = {},
  table = new UpstreamTable(1),
) {
  for (const { slot, weight } of options) table.reset(slot, weight);
  const chooser = new UpstreamChooser(options, { ...listenerDefaults.balance, ...balance }, table);
  const slotOf = (index: number) => (options[index] as UpstreamOptions).slot;
  return {
    chooser,
    table,
    running: () => options.map(({ slot }) => table.running(slot)),
    close: (...indexes: number[]) => {
      for (const index of indexes) table.setOpen(slotOf(index), false);
    },
    open: (index: number) => table.setOpen(slotOf(index), true),
    /** Chosen how often, of so many that come and go. */
    tally: (count: number, tried: readonly number[] = []) => {
      const counts = options.map(() => 0);
      for (let turn = 0; turn < count; turn++) {
        const index = chooser.enter(client(turn & 255), tried);
        if (index === NO_UPSTREAM) continue;
        (counts[index] as number)++;
        chooser.leave(index);
      }
      return counts;
    },
  };
}

describe.each(policies)("balance %s", (policy) => {
  test("takes only who is open, was not tried, and has a weight", () => {
    const { tally, close, open } = choosing(upstreams({}, {}, {}, { weight: 0 }), { policy });
    close(0);
    const counts = tally(200, [1]);
    expect(counts).toEqual([0, 0, 200, 0]);
    open(0);
    expect(tally(200, [0, 1, 2])).toEqual([0, 0, 0, 0]);
    close(0, 1, 2);
    expect(tally(5)).toEqual([0, 0, 0, 0]);
  });

  test("counts whom it has chosen, until he leaves", () => {
    const { chooser, running } = choosing(upstreams({}, {}), { policy });
    expect(running()).toEqual([0, 0]);
    const entered = Array.from({ length: 20 }, (_, host) => chooser.enter(client(host), []));
    const counts = [0, 1].map((index) => entered.filter((one) => one === index).length);
    expect(running()).toEqual(counts);
    for (const index of entered) chooser.leave(index);
    chooser.leave(NO_UPSTREAM);
    expect(running()).toEqual([0, 0]);
  });

  test("fills upstreams up to what they may have, and then none", () => {
    const options = upstreams({ maxRelays: 2 }, { maxRelays: 3 });
    const { chooser, running } = choosing(options, { policy });
    const entered = Array.from({ length: 7 }, (_, host) => chooser.enter(client(host), []));
    expect(running()).toEqual([2, 3]);
    expect(entered.slice(5)).toEqual([NO_UPSTREAM, NO_UPSTREAM]);
    expect(chooser.isFull).toBe(true);
    chooser.leave(1);
    expect(chooser.isFull).toBe(false);
    expect(chooser.enter(client(9), [])).toBe(1);
  });

  test("takes backups only when no other is open and untried, but not for those that are full", () => {
    const options = upstreams({ isBackup: true }, { maxRelays: 1 }, {});
    const { chooser, tally, close, open } = choosing(options, { policy });
    expect(tally(50)[0]).toBe(0);
    expect(tally(50, [1, 2])).toEqual([50, 0, 0]);
    close(2);
    // The other one is full: that is no case for a backup, unless it cannot be reached.
    expect(chooser.enter(client(1), [])).toBe(1);
    expect(tally(50)).toEqual([0, 0, 0]);
    expect(chooser.isFull).toBe(true);
    expect(tally(50, [1])).toEqual([50, 0, 0]);
    close(1);
    expect(tally(50)).toEqual([50, 0, 0]);
    expect(chooser.isFull).toBe(false);
    close(0);
    expect(tally(5)).toEqual([0, 0, 0]);
    expect(chooser.isFull).toBe(false);
    open(2);
    expect(tally(50)).toEqual([0, 0, 50]);
  });

  test("takes backups also when all others are full, where that is wanted", () => {
    const options = upstreams({ isBackup: true, maxRelays: 1 }, { maxRelays: 1 }, {});
    const { chooser, close } = choosing(options, { policy, backupWhenFull: true });
    close(2);
    expect(chooser.enter(client(1), [])).toBe(1);
    expect(chooser.isFull).toBe(false);
    expect(chooser.enter(client(2), [])).toBe(0);
    expect(chooser.isFull).toBe(true);
    expect(chooser.enter(client(3), [])).toBe(NO_UPSTREAM);
  });

  test("lets backups take relays while all others have a weight of 0", () => {
    const options = upstreams({ isBackup: true }, { weight: 0, maxRelays: 1 });
    const { tally } = choosing(options, { policy });
    expect(tally(50)).toEqual([50, 0]);
  });
});

describe.each(policies)("%s among a thousand", (policy) => {
  const thousand = () =>
    upstreams(...Array.from({ length: 1_000 }, (_, index) => ({ slot: 3_000 - 2 * index })));

  test("sees at once what another view of the table has changed", () => {
    const options = thousand();
    const { chooser, table } = choosing(options, { policy });
    const control = new UpstreamTable(1, 0, table.memory);
    const choose = (host: number) => {
      const index = chooser.enter(client(host & 255), []);
      chooser.leave(index);
      return index;
    };
    for (let turn = 0; turn < 300; turn++) {
      const index = choose(turn);
      const { slot } = options[index] as UpstreamOptions;
      if (turn % 3 === 0) control.setOpen(slot, false);
      else if (turn % 3 === 1) control.setWeight(slot, 0);
      // A neighbour's row, of another listener: nothing changes here.
      else control.setOpen(slot + 1, turn % 2 === 0);
      for (let other = 0; other < 5; other++) {
        const now = choose(turn + other);
        if (turn % 3 !== 2) expect(now).not.toBe(index);
        expect(now).not.toBe(NO_UPSTREAM);
      }
    }
    for (const { slot } of options) control.setOpen(slot, false);
    expect(choose(1)).toBe(NO_UPSTREAM);
    control.reset(3_000 - 2 * 500, 1);
    expect(choose(1)).toBe(500);
  });

  test("takes nobody twice for a relay, and none that is full", () => {
    const options = thousand().map((one) => ({ ...one, maxRelays: 1 }));
    const { chooser, running } = choosing(options, { policy });
    const tried: number[] = [];
    for (let attempt = 0; attempt < 20; attempt++) {
      const index = chooser.enter(client(1), tried);
      expect(tried).not.toContain(index);
      tried.push(index);
      chooser.leave(index);
    }
    for (let relay = 0; relay < 1_000; relay++) chooser.enter(client(relay & 255), []);
    expect(running()).toEqual(options.map(() => 1));
    expect(chooser.enter(client(1), [])).toBe(NO_UPSTREAM);
    expect(chooser.isFull).toBe(true);
  });
});

test("with one that fails, round robin begins with it no more often than with others", () => {
  const { chooser } = choosing(upstreams({}, {}, {}));
  const dials = [0, 0, 0];
  const dial = (tried: readonly number[]) => {
    const index = chooser.enter(client(1), tried);
    chooser.leave(index);
    (dials[index] as number)++;
    return index;
  };
  for (let relay = 0; relay < 300; relay++) if (dial([]) === 0) expect(dial([0])).not.toBe(0);
  // All have as many dials, those included that come from the one that fails.
  expect(dials[0]).toBeWithin(99, 102);
  for (const others of dials.slice(1)) expect(others).toBeWithin(145, 156);
});

describe.each(["round-robin", "least-relays"] as const)("%s", (policy) => {
  test("goes on where it was when options change, whoever comes and goes", () => {
    const balance = { ...listenerDefaults.balance, policy };
    const options = upstreams({}, {}, {});
    const { chooser: first, table } = choosing(options, { policy });
    let chooser = first;
    const next = () => {
      const index = chooser.enter(client(1), []);
      chooser.leave(index);
      const { slot } = chooser.upstreams[index] as UpstreamOptions;
      chooser = new UpstreamChooser(chooser.upstreams, balance, table, chooser);
      return slot;
    };
    expect(Array.from({ length: 7 }, next)).toEqual([100, 99, 98, 100, 99, 98, 100]);
    // In another order, and with one more: it is the turn of those who had none yet.
    const more = upstreams({}, {}, {}, {}).reverse();
    table.reset(97, 1);
    chooser = new UpstreamChooser(more, balance, table, chooser);
    const three = new Set([next(), next(), next()]);
    expect(three).toEqual(new Set([99, 98, 97]));
    expect(next()).toBe(100);
  });

  test.each([
    [2, 2],
    [3, 2],
    [3, 6],
    [4, 60],
  ])("of %i workers each begins somewhere else among %i", (workers, count) => {
    const options = upstreams(...Array.from({ length: count }, () => ({})));
    const { memory } = choosing(options, {}, new UpstreamTable(workers)).table;
    const firsts = Array.from({ length: workers }, (_, worker) => {
      const table = new UpstreamTable(workers, worker, memory);
      const balance = { ...listenerDefaults.balance, policy };
      const chooser = new UpstreamChooser(options, balance, table);
      const index = chooser.enter(client(1), []);
      chooser.leave(index);
      return index;
    });
    expect(firsts).toEqual(firsts.map((_, worker) => Math.floor((worker * count) / workers)));
  });
});

test("weights say who gets how many, also while they change", () => {
  const { tally, table } = choosing(upstreams({ weight: 3 }, { weight: 1 }));
  expect(tally(40)).toEqual([30, 10]);
  // It starts slowly: a fifth of its weight.
  table.setWeight(100, 3, 1 / 15);
  const [slow = 0, other = 0] = tally(120);
  expect(slow).toBeGreaterThanOrEqual(18);
  expect(slow).toBeLessThanOrEqual(22);
  expect(slow + other).toBe(120);
});

test("one who was filled up by another worker in this very moment is passed over", () => {
  class Race extends UpstreamTable {
    /** Rows that somebody else enters first. */
    lost = new Set<number>();
    override enter(slot: number, most: number): boolean {
      if (this.lost.delete(slot)) super.enter(slot, 0);
      return super.enter(slot, most);
    }
  }
  const table = new Race(1);
  const options = upstreams({ maxRelays: 1 }, { maxRelays: 1 }, { isBackup: true });
  const { chooser, running } = choosing(options, { policy: "first", backupWhenFull: true }, table);
  table.lost = new Set([100]);
  expect(chooser.enter(client(1), [])).toBe(1);
  expect(running()).toEqual([1, 1, 0]);
  chooser.leave(1);
  table.lost = new Set([99]);
  // Both are gone before it has one: it gets the backup, and nobody is counted twice.
  expect(chooser.enter(client(2), [])).toBe(2);
  expect(running()).toEqual([1, 1, 1]);
});

describe("full", () => {
  test("are those that could be used, not those that cannot", () => {
    const options = upstreams({ maxRelays: 1 }, {}, { isBackup: true, maxRelays: 1 });
    const { chooser, close, open } = choosing(options);
    expect(chooser.isFull).toBe(false);
    close(1, 2);
    chooser.enter(client(1), []);
    expect(chooser.isFull).toBe(true);
    // A backup is no room as long as others are open.
    open(2);
    expect(chooser.isFull).toBe(true);
    close(0);
    expect(chooser.isFull).toBe(false);
    chooser.enter(client(1), []);
    expect(chooser.isFull).toBe(true);
    close(0, 2);
    // Nobody is there: that is not for lack of room.
    expect(chooser.isFull).toBe(false);
  });

  test("is not an upstream without a weight", () => {
    const { chooser } = choosing(upstreams({ weight: 0, maxRelays: 1 }));
    expect(chooser.isFull).toBe(false);
  });
});

describe("by hash", () => {
  test("a client finds its upstream again, from whichever port, and back after a failure", () => {
    const { chooser, close, open } = choosing(upstreams({}, {}, {}), { policy: "hash" });
    const choose = (host: number, port: number) => {
      const index = chooser.enter(client(host, port), []);
      chooser.leave(index);
      return index;
    };
    const homes = Array.from({ length: 100 }, (_, host) => choose(host, 1));
    expect(homes).toEqual(Array.from({ length: 100 }, (_, host) => choose(host, 9_999)));
    expect(new Set(homes).size).toBe(3);
    close(1);
    for (const [host, home] of homes.entries()) {
      const now = choose(host, 2);
      if (home === 1) expect(now).not.toBe(1);
      else expect(now).toBe(home);
    }
    open(1);
    expect(homes).toEqual(Array.from({ length: 100 }, (_, host) => choose(host, 3)));
  });

  test("clients without an address are served, too", () => {
    const { chooser } = choosing(upstreams({}, {}), { policy: "hash" });
    const index = chooser.enter(UNIX_CLIENT, []);
    expect(index).not.toBe(NO_UPSTREAM);
    expect(chooser.enter(UNIX_CLIENT, [])).toBe(index);
  });
});

describe("who wants one upstream alone", () => {
  test("gets that one or none", () => {
    const { chooser, close, open } = choosing(upstreams({}, { maxRelays: 1 }));
    expect(chooser.enter(client(1), [], 1, true)).toBe(1);
    expect(chooser.isFullAt(1)).toBe(true);
    expect(chooser.enter(client(1), [], 1, true)).toBe(NO_UPSTREAM);
    chooser.leave(1);
    expect(chooser.enter(client(1), [1], 1, true)).toBe(NO_UPSTREAM);
    close(1);
    expect(chooser.enter(client(1), [], 1, true)).toBe(NO_UPSTREAM);
    open(1);
    expect(chooser.enter(client(1), [], 1, true)).toBe(1);
    // It was taken away.
    expect(chooser.enter(client(1), [], NO_UPSTREAM, true)).toBe(NO_UPSTREAM);
  });

  test("is full only where it could go", () => {
    const { chooser, close } = choosing(upstreams({}, { maxRelays: 1 }));
    chooser.enter(client(1), [], 1, true);
    expect([0, 1, NO_UPSTREAM].map((index) => chooser.isFullAt(index))).toEqual([
      false,
      true,
      false,
    ]);
    close(1);
    expect(chooser.isFullAt(1)).toBe(false);
  });
});

test("tells how upstreams are", () => {
  const { chooser, close } = choosing(upstreams({ maxRelays: 7 }, {}));
  chooser.enter(client(1), []);
  close(1);
  expect(chooser.states).toEqual([
    { upstream: "10.1.0.0:6379", isOpen: true, running: 1, maxRelays: 7 },
    { upstream: "10.1.0.1:6379", isOpen: false, running: 0, maxRelays: 0 },
  ]);
});

test("a dial that was answered is told", () => {
  const { chooser, table } = choosing(upstreams({}, {}));
  chooser.dialed(1);
  expect([table.wasDialed(100), table.wasDialed(99)]).toEqual([false, true]);
});

test("tells who is where, and whether that has to be asked for", () => {
  const tcp = (host: string) => ({ kind: "tcp", host, port: 1 }) as const;
  const unix = { kind: "unix", path: "/a" } as const;
  const addresses = [
    tcp("a.test"),
    tcp("10.0.0.1"),
    tcp("::1"),
    unix,
    { kind: "unix", path: "/b", asks: true } as const,
  ];
  const { chooser } = choosing(upstreams(...addresses.map((address) => ({ address }))));
  expect(addresses.map((_, index) => chooser.mustAsk(index))).toEqual([
    true,
    false,
    false,
    false,
    true,
  ]);
  expect(addresses.map((address) => chooser.numberOf({ ...address }))).toEqual([0, 1, 2, 3, 4]);
  expect(chooser.numberOf(tcp("b.test"))).toBe(NO_UPSTREAM);
});
