import { expect, test } from "bun:test";
import { parseAddress } from "../config/address.ts";
import { validate } from "../config/validate.ts";
import { hints, listeningLine } from "./announce.ts";

const listener = parseAddress("127.0.0.1:6380", "listener");
const upstreams = [parseAddress("a:1", "upstream"), parseAddress("b:2", "upstream")];

test("the line of a listener", () => {
  const settings = { ...validate({}), upstreams };
  expect(listeningLine(listener, settings, upstreams)).toBe(
    "listening on 127.0.0.1:6380 → a:1, b:2",
  );
  expect(listeningLine(listener, { ...settings, mode: "oneway" }, upstreams)).toBe(
    "listening on 127.0.0.1:6380 → a:1, b:2 (oneway: nothing comes back)",
  );
  expect(listeningLine(listener, { ...settings, mode: "sink" }, [])).toBe(
    "listening on 127.0.0.1:6380 (sink: what clients send is counted and discarded)",
  );
  expect(listeningLine(listener, validate({}), upstreams.slice(0, 1))).toBe(
    "listening on 127.0.0.1:6380 → a:1 (a demo built in)",
  );
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
