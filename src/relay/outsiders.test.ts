import { beforeEach, describe, expect, test } from "bun:test";
import type { Reason } from "../base/reason.ts";
import type { Row } from "../entry/in-steps.ts";
import { Descriptors, descriptorBudget } from "../system/descriptors.ts";
import { Outsiders } from "./outsiders.ts";

const ENGINES = 1;
const USED = 20;

let limit = 1_000;
let descriptors: Descriptors;
let outsiders: Outsiders<Client>;
const ended: string[] = [];

/** It holds one descriptor, which comes back when it has ended. */
class Client {
  constructor(
    readonly name: string,
    readonly refusedFor: Reason | null,
  ) {
    descriptors.opened(1);
  }

  hasUnread = false;

  terminate(reason: Reason): void {
    ended.push(`${this.name} ${reason}`);
  }
}

class Waiting implements Row<Client> {
  readonly all = new Set<Client>();
  get size(): number {
    return this.all.size;
  }
  get first(): Client | undefined {
    return [...this.all][0];
  }
  add(client: Client): void {
    this.all.add(client);
  }
  delete(client: Client): void {
    this.all.delete(client);
  }
}

beforeEach(() => {
  limit = 1_000;
  ended.length = 0;
  const share = { engines: ENGINES, usedDescriptors: USED };
  descriptors = new Descriptors(
    share,
    () => {},
    () => limit,
  );
  outsiders = new Outsiders(descriptors);
});

describe("a bound of the refused", () => {
  test("the oldest one goes, for what it was refused for", () => {
    const row = outsiders.refusedRow(new Waiting());
    const most = descriptors.refusedMax;
    expect(most).toBeLessThan(descriptors.left / 4);
    for (let i = 0; i <= most; i++) row.add(new Client(`r${i}`, "access_denied"));
    expect(ended).toEqual(["r0 access_denied"]);
  });

  test("all listeners together have it", () => {
    const [one, other] = [new Waiting(), new Waiting()].map((row) => outsiders.refusedRow(row));
    const most = descriptors.refusedMax;
    for (let i = 0; i < most; i++) one?.add(new Client(`r${i}`, "client_full"));
    expect(ended).toEqual([]);
    other?.add(new Client("next", "client_full"));
    expect(ended).toEqual(["r0 client_full"]);
  });

  test("a client that has left does not count", () => {
    const row = outsiders.refusedRow(new Waiting());
    for (let i = 0; i < 3 * descriptors.refusedMax; i++) {
      const client = new Client(`r${i}`, "client_full");
      row.add(client);
      row.delete(client);
    }
    expect(ended).toEqual([]);
  });

  test("silent clients have a limit at each listener", () => {
    const row = outsiders.unheardRow(new Waiting());
    for (let i = 0; i < 4; i++) row.add(new Client(`u${i}`, null));
    expect(row.size).toBe(4);
    expect(row.first?.name).toBe("u0");
  });
});

describe("when descriptors get scarce", () => {
  test("refused clients go first, then silent ones, the oldest first; never more than needed", () => {
    const refused = outsiders.refusedRow(new Waiting());
    const unheard = outsiders.unheardRow(new Waiting());
    for (let i = 0; i < 4; i++) unheard.add(new Client(`u${i}`, null));
    for (let i = 0; i < 2; i++) refused.add(new Client(`r${i}`, "client_rate"));
    outsiders.makeRoom();
    expect(ended).toEqual([]);
    while (descriptors.ample) descriptors.opened(1);
    descriptors.opened(2);
    outsiders.makeRoom();
    outsiders.makeRoom();
    expect(ended).toEqual(["r0 client_rate", "r1 client_rate", "u0 descriptor_limit"]);
  });

  test("a client that has sent unread bytes is not closed", () => {
    const unheard = outsiders.unheardRow(new Waiting());
    const clients = Array.from({ length: 3 }, (_, i) => new Client(`u${i}`, null));
    for (const client of clients) unheard.add(client);
    const [oldest] = clients as [Client];
    oldest.hasUnread = true;
    while (descriptors.ample) descriptors.opened(1);
    outsiders.makeRoom();
    expect(ended).toEqual([]);
    oldest.hasUnread = false;
    outsiders.makeRoom();
    expect(ended).toEqual(["u0 descriptor_limit"]);
  });

  test("there is no one to close", () => {
    while (!descriptors.exhausted) descriptors.opened(1);
    outsiders.makeRoom();
    expect(ended).toEqual([]);
  });
});

describe("the budget", () => {
  test.each([64, 128, 300, 1_024, 20_000, 1_048_576, Infinity])("of %d descriptors", (most) => {
    const { admin, checks, lookups, others } = descriptorBudget(most);
    for (const share of [admin, checks, lookups]) {
      expect(share).toBeGreaterThanOrEqual(4);
      expect(share).toBeLessThanOrEqual(64);
    }
    expect(admin + checks + lookups + others).toBeLessThanOrEqual(most / 2);
  });

  test("a limit that is changed while the process runs is seen, and one relay always fits", async () => {
    const before = descriptors.left;
    limit = 10;
    descriptors.listens(1);
    expect(descriptors.left).toBe(3);
    expect(descriptors.tight).toBe(false);
    limit = 1_000;
    descriptors.listens(-1);
    expect(descriptors.left).toBe(before);
  });
});
