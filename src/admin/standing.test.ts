import { expect, test } from "bun:test";
import type { UpstreamView } from "../control/upstream-view.ts";
import type { ListenerDocument } from "./listener-document.ts";
import { downOf, standingOf, urgencyOf } from "./standing.ts";

const listener = (name: string | null, more: Partial<ListenerDocument> = {}) =>
  ({
    name,
    listen: ":6380",
    mode: "bidirectional",
    upstreams: ["a:1"],
    accepting: true,
    ...more,
  }) as ListenerDocument;
const upstream = (listener: string, more: Partial<UpstreamView> = {}) =>
  ({
    listener,
    upstream: "a:1",
    service: null,
    isOpen: false,
    weight: 1,
    state: "ready",
    health: "ejected",
    ...more,
  }) as UpstreamView;

function textOf(
  listeners: ListenerDocument[],
  upstreams: UpstreamView[],
  status: "ready" | "draining" = "ready",
): string {
  const { kind, text } = standingOf(status, listeners, upstreams);
  return `${kind}: ${text}`;
}

test("ready is who has somebody to relay to, on every listener that accepts", () => {
  const open = { isOpen: true, health: "unchecked" } as const;
  const [main, spare] = [listener("main"), listener("spare")];
  const plain = [upstream("main"), upstream("main", open), upstream(":6380", open)];
  expect(textOf([main, listener(null)], plain)).toBe("ready: ready");
  const sink = listener("sink", { mode: "sink" });
  expect(textOf([main, sink, listener("x", { accepting: false })], plain)).toBe("ready: ready");
  expect(textOf([main, spare], [...plain, upstream("spare")])).toBe(
    "no upstream: ready, but no upstream of spare takes relays",
  );
  // A service without members has none.
  expect(textOf([listener(null), listener(null)], [])).toBe(
    "no upstream: ready, but no upstream of :6380 takes relays",
  );
  expect(textOf([main, spare], [])).toContain("of 2 listeners takes");
  expect(textOf([spare], [], "draining")).toBe("draining: draining");
});

test.each(["ejected", "down", "unknown"] as const)(
  "one that is %s is nobody to relay to, though the last one is left open, or all are by panic",
  (health) => {
    const all = [upstream("main", { isOpen: true, health }), upstream("main", { health })];
    expect(textOf([listener("main")], all)).toStartWith(
      "no upstream: ready, but no upstream of main takes relays",
    );
    const well = upstream("main", { isOpen: true, health: "up" });
    expect(textOf([listener("main")], [...all, well])).toStartWith("ready: ready");
  },
);
test("ports of one name each have upstreams of their own, and services have members", () => {
  const open = { isOpen: true, health: "up" } as const;
  const at = (port: number) => listener("db", { listen: `:${port}`, upstreams: [`a:${port}`] });
  const ports = [at(1), at(2)];
  const first = upstream("db", { ...open, upstream: "a:1" });
  expect(textOf(ports, [first])).toBe("no upstream: ready, but no upstream of db takes relays");
  expect(textOf(ports, [first, upstream("db", { ...open, upstream: "a:2" })])).toBe("ready: ready");
  const service = listener("s", { upstreams: ["srv:_a._tcp.b"] });
  const member = upstream("s", { ...open, upstream: "10.0.0.1:1", service: "_a._tcp.b" });
  expect(textOf([service], [member])).toBe("ready: ready");
});

test("one of weight 0 is there for a function that decides, as long as it is well", () => {
  const weightless = { weight: 0, health: "up" } as const;
  expect(textOf([listener("main")], [upstream("main", weightless)])).toBe("ready: ready");
  for (const unwell of [{ state: "drain" }, { health: "down" }] as const) {
    const one = upstream("main", { ...weightless, ...unwell });
    expect(textOf([listener("main")], [one])).toStartWith("no upstream");
  }
});

test("upstreams that are down come first and are counted", () => {
  const all = (["up", "ejected", "down", "unchecked", "unknown"] as const).map((health) =>
    upstream("main", { health }),
  );
  const inOrder = [...all, upstream("main", { health: "unknown", state: "maintenance" })].sort(
    (a, b) => urgencyOf(a) - urgencyOf(b),
  );
  expect(inOrder.map(({ health, state }) => `${health} ${state}`)).toEqual([
    "down ready",
    "ejected ready",
    "unknown ready",
    "unknown maintenance",
    "up ready",
    "unchecked ready",
  ]);
  expect(downOf(all)).toBe(", 1 of 5 upstreams down");
  expect(downOf([])).toBe("");
});
