import { describe, expect, test } from "bun:test";
import { type Address, formatAddress, parseAddress } from "../base/address.ts";
import type { Machine } from "../base/reach.ts";
import { listenerDefaults } from "../config/defaults.ts";
import { plainUpstream } from "../config/listeners.ts";
import type { WantedListener } from "../config/options.ts";
import { checkOptions } from "../upstream/health/test-redis.ts";
import { OwnAddresses } from "./own-addresses.ts";

function at(text: string): Address {
  return parseAddress(text, "upstream");
}

function listener(address: string, ...upstreams: string[]): WantedListener {
  return {
    ...listenerDefaults,
    address: parseAddress(address, "listener"),
    upstreams: upstreams.map((one) => plainUpstream(at(one))),
  };
}

class Scene {
  hosts = new Set<string>();
  readonly own: OwnAddresses;

  constructor() {
    const scene = this;
    const machine: Machine = {
      get hosts() {
        return scene.hosts;
      },
      socketAt: (path) => ({ "/link": "1:1", "/a": "1:1" })[path] ?? null,
    };
    this.own = new OwnAddresses(machine);
  }

  set(listeners: readonly WantedListener[], reserved: readonly string[] = []): void {
    const all = listeners.map((options) => ({ options, address: options.address }));
    this.own.set(all, [], reserved.map(at));
  }

  refuses(asked: string, found = asked): boolean {
    return this.own.refuses(at(asked), at(found));
  }

  /** The upstreams that ask before each dial. */
  asking(one: WantedListener): string[] {
    const listeners = this.own.guarded([{ ...one, upstreams: one.upstreams as never }]);
    const upstreams = listeners.flatMap((two) => two.upstreams.map(({ address }) => address));
    return upstreams.filter(({ asks }) => asks === true).map(formatAddress);
  }
}

test("what is configured, literal and leads nowhere in a circle may be dialled, a name never", () => {
  const scene = new Scene();
  const first = listener(
    ":1",
    "127.0.0.1:2",
    "localhost:2",
    "10.0.0.9:2",
    "a.test:2",
    "10.0.0.9:3",
  );
  scene.set([first, listener(":2", "10.0.0.9:9")]);
  expect(scene.refuses("127.0.0.1:2")).toBe(false);
  expect(scene.refuses("localhost:2", "127.0.0.1:2")).toBe(false);
  expect(scene.refuses("localhost:2", "127.0.0.7:2")).toBe(true);
  expect(scene.refuses("a.test:2", "127.0.0.1:2")).toBe(true);
  expect(scene.refuses("a.test:2", "[::ffff:127.0.0.1]:2")).toBe(true);
  expect(scene.refuses("a.test:2", "10.0.0.9:2")).toBe(false);
  expect(scene.refuses("127.0.0.2:2")).toBe(true);
  // Nobody listens on that port.
  expect(scene.asking(first)).toEqual(["10.0.0.9:2"]);
});

test("what is checked in an upstream's place is configured, too, also a port of its own host", () => {
  const scene = new Scene();
  const one = listener(":1", "127.0.0.1:5", "127.0.0.2:5", "10.0.0.9:5");
  const upstreams = one.upstreams.map((upstream, index) => {
    const address = index === 0 ? at("127.0.0.3:2") : ({ kind: "port", port: 2 } as const);
    return { ...upstream, check: checkOptions({ kind: "tcp", address }) };
  });
  scene.set([{ ...one, upstreams }, listener(":2", "10.0.0.9:9")]);
  expect(scene.refuses("127.0.0.3:2")).toBe(false);
  expect(scene.refuses("127.0.0.2:2")).toBe(false);
  expect(scene.refuses("127.0.0.1:2")).toBe(true);
  // The second one leads back.
  scene.set([{ ...one, upstreams }, listener(":2", "127.0.0.1:1")]);
  expect(scene.refuses("127.0.0.2:2")).toBe(true);
});

test("an address that this machine gets while the proxy runs is refused from then on", () => {
  const scene = new Scene();
  const one = listener(":1", "10.0.0.5:1");
  scene.set([one]);
  expect(scene.asking(one)).toEqual(["10.0.0.5:1"]);
  expect(scene.refuses("10.0.0.5:1")).toBe(false);
  scene.hosts.add("10.0.0.5");
  expect(scene.refuses("10.0.0.5:1")).toBe(true);
  scene.hosts.delete("10.0.0.5");
  expect(scene.refuses("10.0.0.5:1")).toBe(false);
});

test("a circle is refused, whoever has started it so", () => {
  const scene = new Scene();
  scene.set([listener("127.0.0.1:1", "127.0.0.1:2"), listener("127.0.0.1:2", "127.0.0.1:1")]);
  expect(scene.refuses("127.0.0.1:1")).toBe(true);
  expect(scene.refuses("127.0.0.1:2")).toBe(true);
});

describe("what is reserved", () => {
  test("is refused, also where it is configured", () => {
    const scene = new Scene();
    scene.set([listener(":1", "127.0.0.1:9")], ["127.0.0.1:9"]);
    expect(scene.refuses("127.0.0.1:9")).toBe(true);
    expect(scene.refuses("a.test:9", "127.0.0.1:9")).toBe(true);
  });

  test("is for those whose upstream it is", () => {
    const scene = new Scene();
    scene.set([{ ...listener(":1", "127.0.0.1:9"), upstreamInside: true }], ["127.0.0.1:9"]);
    expect(scene.refuses("127.0.0.1:9")).toBe(false);
    expect(scene.refuses("a.test:9", "127.0.0.1:9")).toBe(true);
  });
});

test("a socket's file is refused by whatever way, unless it is the one that was configured", () => {
  const scene = new Scene();
  const one = listener(":1", "unix:/a", "unix:/link", "unix:/other");
  scene.set([one, listener("unix:/a", "10.0.0.9:9")]);
  expect(scene.refuses("unix:/a")).toBe(false);
  expect(scene.refuses("unix:/link")).toBe(true);
  expect(scene.refuses("unix:/other")).toBe(false);
  // What it is may change.
  expect(scene.asking(one)).toEqual(["unix:/link", "unix:/other"]);
});

test("where nothing is in common nobody asks", () => {
  const scene = new Scene();
  const one = listener(":1", "10.0.0.9:2", "unix:/a", "a.test:1");
  scene.set([one], ["127.0.0.1:9"]);
  expect(scene.asking(one)).toEqual([]);
});
