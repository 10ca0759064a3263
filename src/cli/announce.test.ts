import { expect, test } from "bun:test";
import { parseAddress } from "../base/address.ts";
import { listenerDefaults } from "../config/defaults.ts";
import { plainUpstream } from "../config/listeners.ts";
import { nameRoutes } from "../config/name-routes.ts";
import type { ListenerOptions } from "../config/options.ts";
import { hints, listeningLines } from "./announce.ts";

const listener = parseAddress("127.0.0.1:6380", "listener");
const upstreams = ["a:1", "b:2"].map((text) => plainUpstream(parseAddress(text, "upstream")));

/** The line of a listener that was asked for any port. */
function lineOf(options: Partial<ListenerOptions>): string {
  const address = parseAddress("127.0.0.1:0", "listener");
  const one = { ...listenerDefaults, address, upstreams, ...options };
  return listeningLines([{ options: one, address: listener, engine: "uring" }]).join();
}

test("listeners whose ports follow each other are a line", () => {
  const at = (port: number, upstream: string) => {
    const address = { kind: "tcp", host: "::", port } as const;
    const to = [plainUpstream(parseAddress(upstream, "upstream"))];
    const options = { ...listenerDefaults, name: "db", address, upstreams: to };
    return { address, options, engine: "sockets" as const };
  };
  const ports = [5_000, 5_001, 5_002];
  expect(listeningLines(ports.map((port) => at(port, `db:${port + 1_000}`)))).toEqual([
    "db: listening on [::]:5000-5002 → db:6000-6002",
  ]);
  expect(listeningLines([...ports.map((port) => at(port, "db:1")), at(5_003, "other:1")])).toEqual([
    "db: listening on [::]:5000-5002 → db:1",
    "db: listening on [::]:5003 → other:1",
  ]);
});

test("the line of a listener", () => {
  expect(lineOf({})).toBe("listening on 127.0.0.1:6380 → a:1, b:2");
  expect(lineOf({ name: "db" })).toBe("db: listening on 127.0.0.1:6380 → a:1, b:2");
  expect(lineOf({ mode: "oneway" })).toBe(
    "listening on 127.0.0.1:6380 → a:1, b:2 (oneway: nothing comes back)",
  );
  expect(lineOf({ mode: "valkey" })).toBe(
    "listening on 127.0.0.1:6380 → a:1, b:2 (valkey: clients share connections)",
  );
  expect(lineOf({ mode: "sink", upstreams: [] })).toBe(
    "listening on 127.0.0.1:6380 (sink: what clients send is counted and discarded)",
  );
  expect(lineOf({ upstreams: upstreams.slice(0, 1), upstreamInside: true })).toBe(
    "listening on 127.0.0.1:6380 → a:1 (a demo built in)",
  );
  expect(lineOf({ routes: nameRoutes("a.test=a:1,default=refuse") })).toBe(
    "listening on 127.0.0.1:6380 → a:1, b:2 (by 2 routes)",
  );
  // Before it is started nobody knows where that will be.
  expect(lineOf({ upstreams: [], mode: "oneway" })).toBe(
    "listening on 127.0.0.1:6380 → (a demo built in) (oneway: nothing comes back)",
  );
});

test("a line names no more upstreams than anybody reads", () => {
  const many = Array.from({ length: 20_000 }, (_, n) =>
    plainUpstream(parseAddress(`u${n}:1`, "upstream")),
  );
  expect(lineOf({ upstreams: many })).toEndWith("u14:1, u15:1 and 19,984 more");
});

test("what to type", () => {
  expect(hints(listener)).toEqual([
    "try: redis-cli -h 127.0.0.1 -p 6380 ping",
    "try: redis-benchmark -h 127.0.0.1 -p 6380 -q -t ping,set,get",
    "try: printf 'PING\\r\\nQUIT\\r\\n' | nc 127.0.0.1 6380",
  ]);
  expect(hints(parseAddress(":7", "listener"))[0]).toBe("try: redis-cli -h 127.0.0.1 -p 7 ping");
  expect(hints(parseAddress("[::1]:7", "listener"))[2]).toEndWith("| nc ::1 7");
  expect(hints(parseAddress("unix:/a b'", "listener"))[0]).toBe(
    `try: redis-cli -s '/a b'\\''' ping`,
  );
  expect(hints(parseAddress("unix:@a", "listener"))).toEqual([]);
});
