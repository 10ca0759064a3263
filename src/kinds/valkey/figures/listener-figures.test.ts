import { expect, test } from "bun:test";
import { TestClock } from "../../../base/test-clock.ts";
import type { ValkeyOptions } from "../../../config/options.ts";
import { bucketOf } from "../../../counts/latency.ts";
import { Ledger } from "../../../relay/ledger/ledger.ts";
import { Meter } from "../../../relay/ledger/meter.ts";
import type { ValkeyStats } from "../../../relay/ledger/valkey-stats.ts";
import { wholeShare } from "../../../relay/share.ts";
import { type TestInside, TestNetwork, valkeyListener } from "../test-network.ts";
import { bulk, request } from "../test-server.ts";

function setUp(options: Partial<ValkeyOptions> = {}) {
  const clock = new TestClock();
  const memory = { segmentSize: 1_024, segmentCount: 8 };
  const ledger = new Ledger<never>("sockets", new Meter(1_024, 4_096), wholeShare, memory);
  const listener = { ...valkeyListener(options), account: ledger.account("test") };
  const net = new TestNetwork(clock, listener);
  const stats = () => ledger.pages.stats().listeners[0]?.valkey as ValkeyStats;
  const command = (name: string) => stats().commands.find((one) => one.command === name);
  return { clock, net, stats, command };
}

function ask(net: TestNetwork, client: TestInside, ...requests: string[]): void {
  client.send(requests.map((words) => request(...words.split(" "))).join(""));
  net.settle();
}

/** The bucket of each time. */
const times = (buckets: readonly number[] = []) =>
  buckets.flatMap((count, bucket) => new Array<number>(count).fill(bucket));

test("the time at the upstream begins when the turn ends, and the one before with the turn", () => {
  const { clock, command, net } = setUp();
  const [one, other] = [net.connect(), net.connect()];
  ask(net, one, "get warm");
  ask(net, other, "get warm");
  one.send(request("get", "a"));
  clock.pass(2);
  other.send(request("set", "b", "1"));
  net.exchange.flush();
  clock.pass(30);
  net.settle();
  expect(times(command("GET")?.upstreamTimes)).toEqual([0, 0, bucketOf(30)]);
  expect(times(command("GET")?.waitTimes)).toEqual([0, 0, bucketOf(2)]);
  expect(command("SET")).toMatchObject({ calls: 1, upstreamMs: 30, waitMs: 2, errors: 0 });
});

test("requests of several turns have the times of theirs", () => {
  const { clock, command, net } = setUp();
  const client = net.connect();
  ask(net, client, "get warm");
  // More turns than a connection has room for at first.
  for (let turn = 0; turn < 20; turn++) {
    client.send(request("incr", "a") + request("incr", "b"));
    net.exchange.flush();
    clock.pass(1);
  }
  net.settle();
  const expected = Array.from({ length: 20 }, (_, turn) => bucketOf(20 - turn));
  const twice = expected.flatMap((bucket) => [bucket, bucket]);
  expect(times(command("INCR")?.upstreamTimes)).toEqual(twice.sort((a, b) => a - b));
  expect(command("INCR")).toMatchObject({ calls: 40, upstreamMs: 2 * 210, waitMs: 0 });
});

test("bytes and errors are counted by command, its subcommand included", () => {
  const { command, net, stats } = setUp();
  const client = net.connect();
  ask(net, client, "get a", "get bb", "config get x", "config set x 1", "exec", "ping");
  const asked = [request("get", "a"), request("get", "bb")].join("");
  const answered = [bulk("default/0: get a"), bulk("default/0: get bb")].join("");
  expect(command("GET")).toMatchObject({
    calls: 2,
    requestBytes: asked.length,
    replyBytes: answered.length,
  });
  expect(command("EXEC")).toMatchObject({ calls: 1, errors: 1 });
  const names = stats().commands.map((one) => one.command);
  expect(names.sort()).toEqual(["CONFIG GET", "CONFIG SET", "EXEC", "GET", "PING"]);
});

test("what ringway asks for itself is not counted, and neither is what it answers", () => {
  const { net, stats } = setUp();
  ask(net, net.connect(), "select 3", "client setname x", "client getname");
  expect(stats().commands).toEqual([]);
});

test("a client that is relayed counts for the command that it began with, unknown ones together", () => {
  const { command, net, stats } = setUp();
  ask(net, net.connect(), "secret.word a");
  ask(net, net.connect(), "secret.other a");
  ask(net, net.connect(), "subscribe news");
  expect(command("other")).toMatchObject({ relayed: 2, calls: 0 });
  expect(command("SUBSCRIBE")).toMatchObject({ relayed: 1 });
  expect(JSON.stringify(stats())).not.toContain("SECRET");
});

test("connections, clients and what is owed are those of now", () => {
  const { net, stats } = setUp();
  const [one, other] = [net.connect(), net.connect()];
  ask(net, one, "get a", "multi");
  expect(stats()).toMatchObject({
    clients: 2,
    sharedConnections: 1,
    leasedConnections: 1,
    idleConnections: 0,
    repliesOwed: 0,
  });
  other.send(request("get", "b"));
  net.exchange.flush();
  expect(stats().repliesOwed).toBe(1);
  ask(net, one, "exec");
  expect(stats()).toMatchObject({ leasedConnections: 0, idleConnections: 1, repliesOwed: 0 });
  one.close("client_fin");
  expect(stats().clients).toBe(1);
  for (const { inside } of net.upstreams) inside.close("upstream_fin");
  expect(stats()).toMatchObject({
    sharedConnections: 0,
    idleConnections: 0,
    lostConnections: 2,
  });
});

test("the wait for a leased connection is part of the time before, and so are those that wait", () => {
  const { clock, command, net, stats } = setUp({ leased: 1 });
  const [one, other] = [net.connect(), net.connect()];
  ask(net, one, "multi");
  ask(net, other, "blpop a 0");
  expect(stats().clientsWaiting).toBe(1);
  clock.pass(40);
  ask(net, one, "exec");
  expect(stats().clientsWaiting).toBe(0);
  expect(times(command("BLPOP")?.waitTimes)).toEqual([bucketOf(40)]);
  ask(net, one, "multi");
  ask(net, other, "blpop a 0");
  clock.pass(1_000);
  net.settle();
  expect(stats()).toMatchObject({ clientsWaiting: 0, ownErrors: 1 });
});

test("requests that are lost, denied or cannot be sent count as errors of ringway's own", () => {
  const { net, stats } = setUp({ deny: ["FLUSHALL"] });
  const client = net.connect();
  ask(net, client, "flushall", "get a");
  expect(stats().ownErrors).toBe(1);
  client.send(request("get", "b") + request("get", "c"));
  net.exchange.flush();
  net.upstreams[0]?.inside.close("upstream_reset");
  expect(stats()).toMatchObject({ ownErrors: 3, lostConnections: 1, repliesOwed: 0 });
  net.isUnreachable = true;
  ask(net, client, "get d");
  expect(stats()).toMatchObject({ ownErrors: 4, lostConnections: 1, sharedConnections: 0 });
});

test("a client that takes no replies is counted when it is closed", () => {
  const { clock, net, stats } = setUp();
  const client = net.connect();
  client.want(false);
  for (let i = 0; i < 3; i++) client.send(request("lrange", "500"));
  net.settle();
  clock.pass(2_000);
  expect(client.reason).toBe("client_slow");
  expect(stats()).toMatchObject({ slowClients: 1, clients: 0 });
});

test("slow commands are noted, without those that have only waited behind them", () => {
  const { clock, net, stats } = setUp();
  const [one, other] = [net.connect(), net.connect()];
  ask(net, one, "get a");
  ask(net, other, "get a");
  one.send(request("keys", "secret"));
  net.exchange.flush();
  other.send(request("get", "b"));
  net.exchange.flush();
  clock.pass(25);
  const [upstream] = net.upstreams;
  if (upstream === undefined) throw new Error("a connection");
  net.answer(upstream, bulk("default/0: keys secret").length);
  net.exchange.flush();
  clock.pass(1);
  net.settle();
  expect(stats().slow).toMatchObject([
    {
      client: "10.0.0.1:1",
      command: "KEYS",
      upstreamMs: 25,
      requestBytes: request("keys", "secret").length,
      replyBytes: bulk("default/0: keys secret").length,
    },
  ]);
  expect(JSON.stringify(stats())).not.toContain("secret");
});

test("commands that are to wait are not slow, and an upstream that stood still fills no log", () => {
  const { clock, net, stats } = setUp();
  const client = net.connect();
  ask(net, client, "get a");
  client.send(request("blpop", "a", "0"));
  net.exchange.flush();
  clock.pass(500);
  net.settle();
  expect(stats().slow).toEqual([]);
  client.send(request("get", "a").repeat(100));
  net.exchange.flush();
  clock.pass(500);
  net.settle();
  expect(stats().slow.length).toBe(16);
});

test("the biggest replies are noted, the biggest first", () => {
  const { net, stats } = setUp({ largeBytes: 100_000 });
  const client = net.connect();
  for (let size = 100; size < 140; size++) ask(net, client, `lrange ${size}`);
  ask(net, client, "get small");
  const { biggest } = stats();
  expect(biggest.length).toBe(16);
  expect(biggest[0]).toMatchObject({ command: "LRANGE", client: "10.0.0.1:1" });
  const sizes = biggest.map(({ replyBytes }) => replyBytes);
  expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
  expect(sizes.at(-1)).toBe(bulk("lrange 124 ".repeat(124)).length);
});
