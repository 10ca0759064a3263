import { describe, expect, test } from "bun:test";
import { TestClock } from "../../base/test-clock.ts";
import { type TestInside, TestNetwork, valkeyListener } from "./test-network.ts";
import { bulk, request } from "./test-server.ts";

const answered = (text: string, who = "default/0") => bulk(`${who}: ${text}`);

/** What a client has got since the last look. */
function got(client: TestInside): string {
  const { given } = client;
  client.given = "";
  return given;
}

function network(valkey: Parameters<typeof valkeyListener>[0] = {}): TestNetwork {
  return new TestNetwork(new TestClock(), valkeyListener(valkey));
}

/** Asks, and lets everything happen. @returns what the client got */
function ask(net: TestNetwork, client: TestInside, ...requests: string[]): string {
  client.send(requests.map((words) => request(...words.split(" "))).join(""));
  net.settle();
  return got(client);
}

describe("clients that share a connection", () => {
  test("each gets its own replies, and all went out together", () => {
    const net = network();
    const clients = Array.from({ length: 5 }, () => net.connect());
    for (const [at, client] of clients.entries())
      client.send(request("get", `k${at}`) + request("set", `k${at}`, "v"));
    expect(net.server.executed).toEqual([]);
    net.settle();
    expect(net.upstreams.length).toBe(1);
    for (const [at, client] of clients.entries()) {
      expect(got(client)).toBe(answered(`get k${at}`) + answered(`set k${at} v`));
    }
  });

  test("a client that has left gets nothing, and the others all that is theirs", () => {
    const net = network();
    const [left, stays] = [net.connect(), net.connect()];
    left.send(request("get", "a"));
    stays.send(request("get", "b"));
    net.exchange.flush();
    left.close("client_reset");
    net.settle();
    expect(got(left)).toBe("");
    expect(got(stays)).toBe(answered("get b"));
  });

  test("a request in pieces holds nobody up", () => {
    const net = network();
    const [slow, quick] = [net.connect(), net.connect()];
    const text = request("set", "key", "value");
    slow.send(text.slice(0, 11));
    expect(ask(net, quick, "get a")).toBe(answered("get a"));
    slow.send(text.slice(11));
    net.settle();
    expect(got(slow)).toBe(answered("set key value"));
  });

  test("one that breaks the protocol gets its replies, the error, and its end", () => {
    const clock = new TestClock();
    const net = new TestNetwork(clock);
    const [liar, other] = [net.connect(), net.connect()];
    liar.send(`${request("get", "a")}*1\r\n$-5\r\n`);
    net.settle();
    expect(got(liar)).toBe(`${answered("get a")}-ERR Protocol error: invalid bulk length\r\n`);
    clock.pass(50);
    expect(liar.reason).toBe("protocol_invalid");
    expect(ask(net, other, "get b")).toBe(answered("get b"));
  });

  test("a client that reads nothing is closed, and nobody waits for it", () => {
    const clock = new TestClock();
    const net = new TestNetwork(clock);
    const [slow, other] = [net.connect(), net.connect()];
    slow.want(false);
    slow.send(request("lrange", "2000"));
    other.send(request("get", "b"));
    net.settle();
    clock.pass(1_100);
    net.settle();
    expect(slow.reason).toBe("client_slow");
    expect(got(other)).toBe(answered("get b"));
  });

  test("many that stop in the middle of a request cannot use up the memory", () => {
    const net = network();
    const half = request("set", "key", "x".repeat(900)).slice(0, 800);
    const clients = Array.from({ length: 2_000 }, () => net.connect());
    for (const client of clients) client.send(half);
    net.settle();
    expect(net.exchange.holdings.bytes).toBeLessThanOrEqual(1024 * 1024);
    expect(clients.filter(({ reason }) => reason === "memory_limit").length).toBeGreaterThan(600);
    for (const client of clients) client.close("client_reset");
    expect(net.exchange.holdings.bytes).toBe(0);
  });

  test("10,000 requests of one client let another in between", () => {
    const net = network();
    const [many, one] = [net.connect(), net.connect()];
    many.send(request("get", "many").repeat(10_000));
    one.send(request("get", "one"));
    net.settle();
    expect(got(one)).toBe(answered("get one"));
    expect(net.server.executed.indexOf("get one")).toBeLessThan(300);
    expect(got(many)).toBe(answered("get many").repeat(10_000));
  });
});

describe("a connection of its own", () => {
  test.each([[["multi", "set a 1", "exec"]], [["watch a", "multi", "exec"]]])(
    "is leased for a transaction, and given back: %p",
    (requests) => {
      const net = network();
      const [client, other] = [net.connect(), net.connect()];
      ask(net, other, "get a");
      for (const one of requests) expect(ask(net, client, one)).not.toStartWith("-");
      expect(net.upstreams.length).toBe(2);
      expect(net.upstreams.every(({ server }) => server.isClean)).toBe(true);
      // The next one gets the same.
      ask(net, other, "multi", "set b 2", "exec");
      expect(net.upstreams.length).toBe(2);
    },
  );

  test("is closed if its client leaves in the middle", () => {
    const net = network();
    const client = net.connect();
    ask(net, client, "multi", "set a 1");
    client.close("client_reset");
    net.settle();
    expect(net.upstreams[0]?.inside.hasEnded).toBe(true);
    expect(net.exchange.leased).toBe(0);
  });

  test("is closed at once if its client leaves while it waits for something", () => {
    const net = network();
    const client = net.connect();
    expect(ask(net, client, "blpop nothing 0")).toBe("");
    client.finish();
    net.settle();
    expect(client.hasEnded).toBe(true);
    client.close("client_fin");
    expect(net.upstreams[0]?.inside.hasEnded).toBe(true);
    expect(net.exchange.leased).toBe(0);
  });

  test("answers what was asked before the client's FIN", () => {
    const net = network();
    const client = net.connect();
    client.send(request("get", "a") + request("multi") + request("exec"));
    client.finish();
    net.settle();
    expect(got(client)).toBe(`${answered("get a")}+OK\r\n*0\r\n`);
    expect(client.hasEnded).toBe(true);
  });

  test("gets a subscriber's FIN even if that comes before its first reply", () => {
    const net = network();
    const client = net.connect();
    client.send(request("get", "a") + request("subscribe", "news"));
    client.finish();
    net.settle();
    expect(got(client)).toEndWith(`*3\r\n${bulk("subscribe")}${bulk("news")}:1\r\n`);
    expect(net.upstreams.map(({ inside }) => inside.hasEnded)).toEqual([false, true]);
    expect(client.hasEnded).toBe(false);
  });

  test("is waited for, and then there is an error", () => {
    const clock = new TestClock();
    const net = new TestNetwork(clock, valkeyListener({ leased: 1 }));
    const [first, second, third] = [net.connect(), net.connect(), net.connect()];
    ask(net, first, "multi");
    expect(ask(net, second, "multi")).toBe("");
    clock.pass(500);
    expect(ask(net, third, "multi")).toBe("");
    ask(net, first, "exec");
    net.settle();
    expect(got(second)).toBe("+OK\r\n");
    clock.pass(1_100);
    net.settle();
    expect(got(third)).toBe("-ERR ringway: all leased connections are in use\r\n");
    expect(ask(net, third, "get a")).toBe(answered("get a"));
  });

  test("is had in place of one that is idle, whoever used that", () => {
    const net = network({ leased: 1 });
    const [one, other] = [net.connect(), net.connect()];
    ask(net, one, "multi", "exec");
    ask(net, other, "select 1");
    expect(ask(net, other, "multi", "exec")).toBe("+OK\r\n*0\r\n");
    expect(net.upstreams[0]?.inside.hasEnded).toBe(true);
    expect(net.exchange.leased).toBe(1);
  });

  test("is no longer waited for by a client that got one, whatever a reload changes", () => {
    const clock = new TestClock();
    const net = new TestNetwork(clock, valkeyListener({ leased: 1 }));
    const [first, second] = [net.connect(), net.connect()];
    ask(net, first, "multi");
    ask(net, second, "multi");
    clock.pass(300);
    net.listener = valkeyListener({ leased: 1, leaseTimeoutMs: 2_000 });
    net.connect();
    ask(net, first, "exec");
    net.settle();
    expect(got(second)).toBe("+OK\r\n");
    ask(net, second, "exec");
    ask(net, first, "multi");
    // It waits anew, for 2 s.
    ask(net, second, "multi");
    clock.pass(1_900);
    expect(got(second)).toBe("");
    clock.pass(200);
    net.settle();
    expect(got(second)).toBe("-ERR ringway: all leased connections are in use\r\n");
  });

  test("is no longer waited for once a pause is over", () => {
    const clock = new TestClock();
    const net = new TestNetwork(clock, valkeyListener({ leased: 1 }));
    const [first, second] = [net.connect(), net.connect()];
    ask(net, second, "get z");
    ask(net, first, "client pause 500", "multi");
    expect(ask(net, second, "set a 1")).toBe("");
    clock.pass(600);
    second.send(request("select", "1"));
    ask(net, first, "exec");
    ask(net, first, "multi");
    second.send(request("multi"));
    net.settle();
    expect(got(second)).toBe(`${answered("set a 1")}+OK\r\n`);
    // It has waited for a second since then, not since it waited for its SET.
    clock.pass(500);
    net.settle();
    expect(got(second)).toBe("");
  });

  test("is relayed as it is for a subscriber", () => {
    const net = network();
    const client = net.connect();
    ask(net, client, "client setname me");
    expect(ask(net, client, "subscribe news")).toBe(
      `*3\r\n${bulk("subscribe")}${bulk("news")}:1\r\n`,
    );
    net.upstreams[0]?.inside.send(`*3\r\n${bulk("message")}${bulk("news")}${bulk("hello")}`);
    expect(got(client)).toBe(`*3\r\n${bulk("message")}${bulk("news")}${bulk("hello")}`);
  });

  test("gets all that a subscriber has sent before its FIN", () => {
    const net = network();
    const client = net.connect();
    ask(net, client, "subscribe news");
    const [upstream] = net.upstreams;
    upstream?.inside.want(false);
    client.send(request("publish", "a", "x".repeat(3_000)));
    client.finish();
    net.settle();
    expect(upstream?.inside.hasEnded).toBe(false);
    upstream?.inside.want(true);
    net.settle();
    expect(net.server.executed).toEqual([`publish a ${"x".repeat(3_000)}`]);
    expect(upstream?.inside.hasEnded).toBe(true);
  });

  test("is leased for an XREAD that says only at its end that it waits", () => {
    const net = network();
    const client = net.connect();
    ask(net, client, "get a");
    ask(net, client, `xread ${"count 1 ".repeat(8)}block 0 streams nothing $`);
    expect(net.upstreams.length).toBe(2);
  });

  test("is not taken for a SELECT in a long line, which is ringway's to answer", () => {
    const net = network();
    const client = net.connect();
    client.send(`select ${" ".repeat(2_000)}`);
    client.send("7\n");
    net.settle();
    expect(got(client)).toBe("+OK\r\n");
    expect(ask(net, client, "get a", "multi", "get b", "exec")).toEndWith(
      answered("get b", "default/7"),
    );
    expect(ask(net, net.connect(), "multi", "get b", "exec")).toEndWith(answered("get b"));
  });

  test("of no database in particular serves only the command that needs it", () => {
    const net = network();
    const client = net.connect();
    ask(net, client, "select 5");
    expect(ask(net, client, "client kill id 9", "set a 1")).toEndWith(
      answered("set a 1", "default/5"),
    );
    expect(ask(net, client, "client kill id 9", "multi", "set a 2", "exec")).toEndWith(
      `+QUEUED\r\n*1\r\n${answered("set a 2", "default/5")}`,
    );
  });

  test("is closed idle to make room for one of another user", () => {
    const net = network({ leased: 1 });
    net.server.passwords.set("ann", "secret").set("default", "");
    const [ann, bob] = [net.connect(), net.connect()];
    ask(net, bob, "multi", "exec");
    expect(ask(net, ann, "auth ann secret", "multi", "exec")).toBe("+OK\r\n+OK\r\n*0\r\n");
    expect(net.exchange.leased).toBe(1);
  });

  test("does not keep the name of the client that had it", () => {
    const net = network();
    const [client, next] = [net.connect(), net.connect()];
    ask(net, client, "client setname ann", "client id", "multi", "exec");
    expect(net.upstreams.some(({ server }) => server.name === "ann")).toBe(true);
    client.close("client_fin");
    ask(net, next, "multi", "exec");
    expect(net.upstreams.map(({ server }) => server.name)).not.toContain("ann");
  });

  test("a large request goes out on it even if all of it came at once", () => {
    const net = network();
    const [client, other] = [net.connect(), net.connect()];
    ask(net, other, "get a");
    client.send(request("set", "key", "x".repeat(5_000)));
    net.settle();
    expect(net.upstreams.length).toBe(2);
    expect(got(client)).toBe(answered(`set key ${"x".repeat(5_000)}`));
  });

  test("a large request goes out on it in pieces", () => {
    const net = network();
    const [client, other] = [net.connect(), net.connect()];
    const text = request("set", "key", "x".repeat(5_000));
    client.send(text.slice(0, 2_000));
    expect(ask(net, other, "get a")).toBe(answered("get a"));
    client.send(text.slice(2_000) + request("get", "b"));
    net.settle();
    expect(got(client)).toBe(answered(`set key ${"x".repeat(5_000)}`) + answered("get b"));
    expect(net.upstreams.length).toBe(2);
  });

  test.each([
    ["breaks the protocol", "$-7\r\n", "-ERR Protocol error: invalid bulk length\r\n"],
    ["ends", null, ""],
  ])("a client that %s in the middle of a large request is ended", (_, rest, word) => {
    const clock = new TestClock();
    const net = new TestNetwork(clock);
    const client = net.connect();
    ask(net, client, "multi");
    client.send(request("get", "a"));
    client.send(`*3\r\n$3\r\nset\r\n${bulk("x".repeat(2_000))}`);
    if (rest === null) client.finish();
    else client.send(rest);
    net.settle();
    expect(got(client)).toBe(`+QUEUED\r\n${word}`);
    clock.pass(50);
    expect(client.reason === "protocol_invalid" || client.hasEnded).toBe(true);
    client.close("client_fin");
    expect(net.exchange.leased).toBe(0);
    expect(net.server.executed).toEqual([]);
  });
});

describe("identity", () => {
  test("AUTH, SELECT and HELLO choose the connection that is shared", () => {
    const net = network();
    net.server.passwords.set("ann", "secret").set("default", "");
    const [ann, bob] = [net.connect(), net.connect()];
    expect(ask(net, ann, "auth ann secret", "select 3", "get a")).toBe(
      `+OK\r\n+OK\r\n${answered("get a", "ann/3")}`,
    );
    expect(ask(net, bob, "get a")).toBe(answered("get a"));
    expect(ask(net, ann, "select 99")).toBe("-ERR DB index is out of range\r\n");
    expect(ask(net, ann, "get a")).toBe(answered("get a", "ann/3"));
    expect(ask(net, ann, "reset", "get a")).toBe(`+RESET\r\n${answered("get a")}`);
  });

  test("is asked for once, also by a client that loses its own connection at that moment", () => {
    const net = network();
    const client = net.connect();
    client.send(request("xread", "BLOCK", "0"));
    client.send(request("select", "3"));
    net.upstreams[0]?.inside.close("upstream_reset");
    net.settle();
    expect(got(client)).toMatch(/^-ERR ringway: [^\r]+\r\n\+OK\r\n$/);
    expect(ask(net, client, "get a")).toBe(answered("get a", "default/3"));
  });

  test("who has the wrong password is let in nowhere, whoever else is", () => {
    const net = network();
    net.server.passwords.set("ann", "secret");
    const [ann, thief] = [net.connect(), net.connect()];
    expect(ask(net, ann, "auth ann secret")).toBe("+OK\r\n");
    expect(ask(net, thief, "auth ann guess")).toBe("-WRONGPASS invalid username-password pair\r\n");
    expect(ask(net, thief, "get a")).toStartWith("-NOAUTH");
    expect(ask(net, ann, "get a")).toBe(answered("get a", "ann/0"));
  });

  test("a changed password ends whom it let in once a connection has to be opened anew", () => {
    const net = network();
    net.server.passwords.set("ann", "secret");
    const ann = net.connect();
    ask(net, ann, "auth ann secret");
    net.server.passwords.set("ann", "other");
    for (const { inside } of net.upstreams) inside.close("upstream_fin");
    ask(net, ann, "get a");
    expect(ann.reason).toBe("access_denied");
  });

  test("a client that is many in turn has few connections", () => {
    const net = network();
    net.server.isOpen = true;
    const client = net.connect();
    for (let at = 0; at < 200; at++)
      expect(ask(net, client, `auth default guess${at}`, "get a")).toStartWith("+OK");
    const open = net.upstreams.filter(({ inside }) => !inside.hasEnded);
    expect(open.length).toBeLessThanOrEqual(20);
  });

  test("clients that leave an upstream that stands still leave no connections there", () => {
    const clock = new TestClock();
    const net = new TestNetwork(clock);
    for (let at = 0; at < 200; at++) {
      const client = net.connect();
      client.send(request("auth", "default", `guess${at}`));
      net.exchange.flush();
      client.close("client_reset");
    }
    const open = () => net.upstreams.filter(({ inside }) => !inside.hasEnded).length;
    expect(open()).toBeLessThanOrEqual(20);
    const client = net.connect();
    client.send(request("set", "a", "1"));
    net.exchange.flush();
    client.close("client_reset");
    clock.pass(31_000);
    expect(open()).toBe(0);
  });

  test("what a client says of itself is its own", () => {
    const net = network();
    const client = net.connect();
    expect(ask(net, client, "client getname")).toBe("$-1\r\n");
    expect(ask(net, client, "client setname ann", "client getname")).toBe(`+OK\r\n${bulk("ann")}`);
    expect(ask(net, client, "client setinfo lib-name x", "client info")).toContain("lib-name=x");
    expect(net.upstreams.length).toBe(0);
  });
});

test("a client that asks for its number keeps the connection that has it", () => {
  const net = network({ leased: 4 });
  const [client, other, third] = [net.connect(), net.connect(), net.connect()];
  const number = ask(net, client, "client id");
  ask(net, other, "multi", "set a 1", "exec");
  expect(ask(net, client, "get a", "client id")).toBe(`${answered("get a")}${number}`);
  // With many of them leased, the number is one of ringway's own.
  expect(ask(net, other, "client id")).not.toBe(number);
  expect(ask(net, third, "client id")).toBe(":3\r\n");
});

test("what a client was called is not what the next tenant of its connection is called", () => {
  const net = network();
  const client = net.connect();
  ask(net, client, "client setname ann", "client id", "lrange 200 a", "get a", "client id");
  client.close("client_fin");
  net.settle();
  const [own] = net.upstreams.filter(({ server }) => server.name !== null);
  expect(own?.server.name).toBe("");
});

test("a replica that is written to again and again does not get connection upon connection", () => {
  const clock = new TestClock();
  const net = new TestNetwork(clock);
  net.server.isReplica = true;
  const client = net.connect();
  for (let at = 0; at < 100; at++) {
    expect(ask(net, client, "set a 1")).toStartWith("-READONLY");
    clock.pass(10);
  }
  expect(net.upstreams.length).toBeLessThanOrEqual(12);
});

describe("a lost connection", () => {
  test("costs an error for what was in flight, and no client", () => {
    const net = network();
    const [client, other] = [net.connect(), net.connect()];
    ask(net, other, "get a");
    client.send(request("set", "a", "1"));
    net.exchange.flush();
    net.upstreams[0]?.inside.close("upstream_reset");
    net.settle();
    expect(got(client)).toStartWith("-ERR ringway: the connection to the upstream was lost");
    expect(ask(net, client, "get b")).toBe(answered("get b"));
    expect(ask(net, other, "get c")).toBe(answered("get c"));
  });

  test("reads are asked again if that is wanted; nothing behind them overtakes", () => {
    const net = network({ retry: "reads" });
    const client = net.connect();
    ask(net, client, "get z");
    client.send(request("set", "a", "1") + request("get", "a") + request("get", "b"));
    net.exchange.flush();
    net.upstreams[0]?.inside.close("upstream_reset");
    client.send(request("get", "c"));
    net.settle();
    expect(got(client)).toMatch(/^-ERR ringway: [^\r]+\r\n/);
    client.given = "";
    expect(ask(net, client, "get d")).toBe(answered("get d"));
  });

  test.each([
    ["eval x 0", "select 1"],
    ["client kill a", "get b"],
  ])("is no longer a client's own if that has gone on meanwhile: %p, then %p", (first, second) => {
    const net = network();
    const client = net.connect();
    client.send(request(...first.split(" ")) + request(...second.split(" ")));
    net.upstreams[0]?.inside.close("upstream_reset");
    net.settle();
    expect(got(client)).toMatch(/^-ERR ringway: [^\r]+\r\n[+$][^-]+$/);
    expect(ask(net, client, "get c")).toContain("get c");
  });

  test("that cannot be opened is an error for each request", () => {
    const net = network();
    net.isUnreachable = true;
    const client = net.connect();
    expect(ask(net, client, "get a", "multi")).toBe(
      "-ERR ringway: no upstream could be reached (connect_refused)\r\n".repeat(2),
    );
    net.isUnreachable = false;
    expect(ask(net, client, "get a")).toBe(answered("get a"));
  });

  test("in the midst of what is relayed puts nothing of ringway's own into it", () => {
    const clock = new TestClock();
    const net = new TestNetwork(clock);
    const client = net.connect();
    ask(net, client, "subscribe news");
    net.upstreams[0]?.inside.send("*3\r\n$7\r\nmess");
    net.upstreams[0]?.inside.close("upstream_reset");
    net.settle();
    expect(got(client)).toBe("*3\r\n$7\r\nmess");
    clock.pass(50);
    expect(client.reason).toBe("upstream_reset");
  });

  test("with a transaction on it ends its client, who is told why", () => {
    const clock = new TestClock();
    const net = new TestNetwork(clock);
    const client = net.connect();
    ask(net, client, "multi");
    net.upstreams[0]?.inside.close("upstream_reset");
    net.settle();
    expect(got(client)).toStartWith(
      "-ERR ringway: the connection to the upstream was lost, and with it",
    );
    clock.pass(50);
    expect(client.reason).toBe("upstream_reset");
  });
});

describe("denied commands", () => {
  test("are not carried out for a client that is relayed either, which is ended", () => {
    for (const text of ["flushall", "FlushAll async", "config get x"]) {
      const clock = new TestClock();
      const net = new TestNetwork(clock, valkeyListener({ deny: ["FLUSHALL", "CONFIG"] }));
      const client = net.connect();
      ask(net, client, "no.such", "get a");
      client.send(request("get", "b") + request(...text.split(" ")) + request("get", "c"));
      net.settle();
      expect(got(client)).toContain("-NOPERM");
      clock.pass(50);
      expect(client.reason).toBe("access_denied");
      expect(net.server.executed).toEqual(["no.such", "get a", "get b"]);
    }
  });

  test.each(["quit", "reset"])("are refused before the end of a transaction by %p", (last) => {
    const net = network({ deny: ["FLUSHALL"] });
    const client = net.connect();
    expect(ask(net, client, "multi", "flushall", last)).toMatch(
      /^\+OK\r\n-NOPERM.*\r\n\+(OK|RESET)\r\n$/,
    );
  });

  test("are refused before a FIN is answered", () => {
    const net = network({ deny: ["FLUSHALL"] });
    const client = net.connect();
    client.send(request("multi") + request("flushall"));
    client.finish();
    net.settle();
    expect(got(client)).toMatch(/^\+OK\r\n-NOPERM.*\r\n$/);
    expect(client.hasEnded).toBe(true);
  });

  test("a pause counts only if the upstream has agreed to it", () => {
    const net = network();
    const [client, other] = [net.connect(), net.connect()];
    ask(net, other, "get a");
    net.server.refuses.add("CLIENT");
    expect(ask(net, client, "client pause 100000")).toStartWith("-NOPERM");
    const before = net.upstreams.length;
    expect(ask(net, other, "set b 1")).toBe(answered("set b 1"));
    expect(net.upstreams.length).toBe(before);
    expect(net.upstreams[0]?.server.isClean).toBe(true);
  });

  test("a relayed client may say all else, in any pieces", () => {
    const net = network({ deny: ["FLUSHALL"] });
    const client = net.connect();
    ask(net, client, "no.such");
    const text = request("get", "a") + request("set", "b", "x".repeat(3_000)) + request("get", "c");
    for (let at = 0; at < text.length; at += 7) client.send(text.slice(at, at + 7));
    net.settle();
    expect(got(client)).toBe(
      answered("get a") + answered(`set b ${"x".repeat(3_000)}`) + answered("get c"),
    );
  });

  test("are refused in their turn, and never sent", () => {
    const net = network({ deny: ["FLUSHALL", "CONFIG", "FT.SEARCH"] });
    const client = net.connect();
    expect(ask(net, client, "get a", "flushall", "get b")).toBe(
      `${answered("get a")}-NOPERM ringway: this listener does not permit the command 'flushall'\r\n${answered("get b")}`,
    );
    expect(ask(net, client, "config get maxmemory")).toStartWith("-NOPERM");
    expect(ask(net, client, "ft.search x y")).toStartWith("-NOPERM");
    expect(ask(net, client, "multi", "flushall", "exec")).toMatch(
      /^\+OK\r\n-NOPERM.*\r\n-EXECABORT/,
    );
    expect(net.server.executed).toEqual(["get a", "get b"]);
  });

  test.each(["", "x"])("are found in a long line in pieces, %j", (argument) => {
    const net = network({ deny: ["FLUSHALL"], largeBytes: 1_024 });
    const client = net.connect();
    client.send(`flushall${" ".repeat(2_000)}`);
    client.send(`${" ".repeat(2_000)}${argument}`);
    client.send("\r\n");
    net.settle();
    expect(got(client)).toStartWith("-NOPERM");
    expect(net.upstreams.length).toBe(0);
  });

  test.each(["flushall\n", "\v\fFlushAll async\r\n", '"flush\\x61ll"\n', " config get x\n"])(
    "are found in the line %j",
    (line) => {
      const net = network({ deny: ["FLUSHALL", "CONFIG"] });
      const client = net.connect();
      client.send(line);
      net.settle();
      expect(got(client)).toStartWith("-NOPERM");
      expect(net.upstreams.length).toBe(0);
    },
  );
});
