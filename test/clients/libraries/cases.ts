import { expect, test } from "bun:test";
import { waitFor } from "../../fixtures/wait.ts";
import { valueFor } from "../scene.ts";
import { CASE_MS } from "../store.ts";
import { Group, type Place } from "./group.ts";
import type { Command, Library, LibraryClient, Protocol } from "./library.ts";

const MIB = 1024 * 1024;

/** Everything that a client library does beyond SET and GET, as if nothing stood before the server. */
export function libraryCases(
  library: Library,
  protocol: Protocol,
  place: () => Promise<Place>,
): void {
  const play = (name: string, body: (group: Group) => Promise<void>) =>
    test(
      name,
      async () => {
        const group = new Group(library, protocol, await place());
        try {
          await body(group);
        } finally {
          group.close();
        }
      },
      CASE_MS,
    );

  play("speaks the protocol that it was told to", playProtocol);
  play("transactions", playTransactions);
  play("transactions of many clients at once", playManyTransactions);
  play("WATCH notices a change by somebody else", playWatch);
  const { channels, patterns } = library.subscribes;
  if (channels.includes(protocol)) play("publish and subscribe", playChannels);
  if (patterns.includes(protocol)) play("subscribe to a pattern", playPatterns);
  play("BLPOP waits while others work", playBlocking);
  play("BLPOP gives up in time", playBlockingInVain);
  play("scripts", playScripts);
  play("pipelines of 1,000, of many clients at once", playPipelines);
  play("1,000 calls in one turn", playCallsAtOnce);
  play("an error is the reply of the call that caused it", playErrors);
  play("each client has its own database", playDatabases);
  play("each client is the user it says it is", playUsers);
  play("each client has its own name and id", playNames);
  play("a connection that was cut is replaced, with name and database", playReconnect);
  play("values of 1 MiB beside small ones", playLargeValues);
}

async function playProtocol(group: Group): Promise<void> {
  const client = await group.client();
  expect(String(await client.call("CLIENT", "INFO"))).toContain(` resp=${group.protocol}`);
  const key = `${group.prefix}hash`;
  await client.call("HSET", key, "one", "1", "two", "2");
  expect(entriesOf(await client.call("HGETALL", key))).toEqual([
    ["one", "1"],
    ["two", "2"],
  ]);
  await client.call("ZADD", `${key}:sorted`, "1.5", "member");
  expect(Number(await client.call("ZSCORE", `${key}:sorted`, "member"))).toBe(1.5);
  expect(await client.call("GET", `${key}:none`)).toBeNull();
}

async function playTransactions(group: Group): Promise<void> {
  const [client, other] = (await group.clientsOf(2)) as [LibraryClient, LibraryClient];
  const key = `${group.prefix}counter`;
  const count: Command[] = [
    ["SET", key, "1"],
    ["INCR", key],
    ["GET", key],
  ];
  expect(await client.transact(count)).toEqual(["OK", 2, "2"]);
  // Not told apart from other calls by who sends them in between.
  const [first, second] = await Promise.all([
    client.transact([
      ["INCR", key],
      ["INCR", key],
    ]),
    other.call("GET", `${key}:none`),
  ]);
  expect([first, second]).toEqual([[3, 4], null]);
  expect(await other.call("GET", key)).toBe("4");
}

async function playManyTransactions(group: Group): Promise<void> {
  const key = `${group.prefix}counter`;
  const clients = await group.clientsOf(10);
  await Promise.all(
    clients.map(async (client) => {
      for (let round = 0; round < 20; round++) {
        const replies = await client.transact([
          ["INCR", key],
          ["INCR", key],
        ]);
        const [first, second] = (replies ?? []) as number[];
        expect(second).toBe(Number(first) + 1);
        expect(Number(first) % 2).toBe(1);
      }
    }),
  );
  expect(await clients[0]?.call("GET", key)).toBe("400");
}

async function playWatch(group: Group): Promise<void> {
  const [client, other] = (await group.clientsOf(2)) as [LibraryClient, LibraryClient];
  const key = `${group.prefix}watched`;
  const write: Command[] = [["SET", key, "mine"]];
  await client.call("WATCH", key);
  await other.call("SET", key, "theirs");
  expect(await client.transact(write)).toBeNull();
  expect(await client.call("GET", key)).toBe("theirs");

  await client.call("WATCH", key);
  expect(await client.transact(write)).toEqual(["OK"]);

  await client.call("WATCH", key);
  await other.call("SET", key, "theirs again");
  await client.call("UNWATCH");
  expect(await client.transact(write)).toEqual(["OK"]);
  // What another client watches is no business of this one.
  await other.call("WATCH", key);
  await client.call("SET", key, "seen by the other one only");
  expect(await client.transact(write)).toEqual(["OK"]);
  expect(await other.transact(write)).toBeNull();
}

async function playChannels(group: Group): Promise<void> {
  const channel = `${group.prefix}news`;
  const [publisher, ...hearers] = await group.clientsOf(6);
  const heard: string[][] = hearers.map(() => []);
  await Promise.all(
    hearers.map((hearer, index) =>
      hearer.subscribe(channel, (message, from) => heard[index]?.push(`${from} ${message}`)),
    ),
  );
  const other = await group.client();
  await other.subscribe(`${channel}:other`, (message) => heard[0]?.push(`wrong: ${message}`));
  for (let index = 0; index < 100; index++) {
    const count = await publisher?.call("PUBLISH", channel, `message ${index}`);
    expect(count).toBe(hearers.length);
  }
  const right = Array.from({ length: 100 }, (_, index) => `${channel} message ${index}`);
  await waitFor(() => heard.every(({ length }) => length >= right.length), "all is heard");
  for (const messages of heard) expect(messages).toEqual(right);
}

async function playPatterns(group: Group): Promise<void> {
  const [publisher, hearer] = (await group.clientsOf(2)) as [LibraryClient, LibraryClient];
  const heard: string[] = [];
  await hearer.subscribePattern(`${group.prefix}*`, (message, from) =>
    heard.push(`${from} ${message}`),
  );
  await publisher.call("PUBLISH", "elsewhere", "not for us");
  await publisher.call("PUBLISH", `${group.prefix}a`, "first");
  await publisher.call("PUBLISH", `${group.prefix}b`, "second");
  await waitFor(() => heard.length >= 2, "both are heard");
  expect(heard).toEqual([`${group.prefix}a first`, `${group.prefix}b second`]);
}

async function playBlocking(group: Group): Promise<void> {
  const key = `${group.prefix}queue`;
  const [worker, ...waiting] = await group.clientsOf(11);
  const before = await blockedClients(group);
  const popped = waiting.map((client, index) => client.call("BLPOP", `${key}:${index}`, "0"));
  await waitFor(
    async () => (await blockedClients(group)) === before + waiting.length,
    "the server says that all wait",
  );
  for (let index = 0; index < 100; index++) {
    await worker?.call("SET", `${key}:other`, String(index));
    expect(await worker?.call("GET", `${key}:other`)).toBe(String(index));
  }
  for (const index of waiting.keys()) await worker?.call("RPUSH", `${key}:${index}`, `job${index}`);
  const jobs = await Promise.all(popped);
  expect(jobs).toEqual(waiting.map((_, index) => [`${key}:${index}`, `job${index}`]));
  // And they are as free as before.
  for (const client of waiting) expect(await client.call("GET", `${key}:other`)).toBe("99");
}

async function playBlockingInVain(group: Group): Promise<void> {
  const client = await group.client();
  const key = `${group.prefix}queue`;
  const calls = Promise.all([client.call("BLPOP", key, "0.05"), client.call("PING")]);
  expect(await calls).toEqual([null, "PONG"]);
}

async function playScripts(group: Group): Promise<void> {
  const client = await group.client();
  const key = `${group.prefix}counter`;
  // Another one each time, as the server keeps those that it has seen.
  const source = `redis.call('INCRBY', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1]) -- ${key}`;
  expect(await client.script(source, [key], ["2"])).toBe("2");
  expect(await client.script(source, [key], ["3"])).toBe("5");
  expect(await client.call("EVAL", source, "1", key, "1")).toBe("6");
  const other = `${source} other`;
  const sha1 = String(await client.call("SCRIPT", "LOAD", other));
  expect(await client.call("EVALSHA", sha1, "1", key, "4")).toBe("10");
  // valkey-glide has words of its own for the codes of errors.
  const unknown = "0".repeat(40);
  await expect(client.call("EVALSHA", unknown, "0")).rejects.toThrow(/NOSCRIPT|NoScript/);
}

async function playPipelines(group: Group): Promise<void> {
  const clients = await group.clientsOf(10);
  await Promise.all(
    clients.map(async (client, owner) => {
      const keys = Array.from({ length: 500 }, (_, index) => `${group.prefix}${owner}:${index}`);
      const commands = keys.flatMap((key): Command[] => [
        ["SET", key, `value of ${key}`],
        ["GET", key],
      ]);
      const right = keys.flatMap((key) => ["OK", `value of ${key}`]);
      expect(await client.pipeline(commands)).toEqual(right);
    }),
  );
}

async function playCallsAtOnce(group: Group): Promise<void> {
  const client = await group.client();
  const indexes = Array.from({ length: 1_000 }, (_, index) => index);
  const calls = indexes.map((index) => client.call("ECHO", `${group.prefix}${index}`));
  expect(await Promise.all(calls)).toEqual(indexes.map((index) => `${group.prefix}${index}`));
}

async function playErrors(group: Group): Promise<void> {
  const client = await group.client();
  const key = `${group.prefix}text`;
  await client.call("SET", key, "text");
  const outcomes = await Promise.allSettled([
    client.call("GET", key),
    client.call("INCR", key),
    client.call("GET", key),
    client.call("NONSENSE", key),
    client.call("GET"),
    client.call("GET", key),
  ]);
  const said = outcomes.map((outcome) =>
    outcome.status === "fulfilled" ? outcome.value : String(outcome.reason.message),
  );
  const right = expect.stringContaining;
  expect(said).toEqual([
    "text",
    right("not an integer"),
    "text",
    right("unknown command"),
    right("wrong number of arguments"),
    "text",
  ]);
}

async function playDatabases(group: Group): Promise<void> {
  const key = `${group.prefix}where`;
  const [zero, three] = await Promise.all([group.client(), group.client({ database: 3 })]);
  const five = await group.client();
  await five.call("SELECT", "5");
  const clients = { zero, three, five };
  for (const [name, client] of Object.entries(clients)) await client.call("SET", key, name);
  for (let round = 0; round < 20; round++) {
    const found = await Promise.all(
      Object.values(clients).map((client) => client.call("GET", key)),
    );
    expect(found).toEqual(Object.keys(clients));
  }
  await five.call("SELECT", "3");
  expect(await five.call("GET", key)).toBe("three");
  await expect(five.call("SELECT", "1000")).rejects.toThrow("out of range");
  expect(await five.call("GET", key)).toBe("three");
}

async function playUsers(group: Group): Promise<void> {
  const { server } = group.place;
  const [reader, writer] = [`${group.prefix}reader`, `${group.prefix}writer`].map((user) =>
    user.replace(":", "-"),
  ) as [string, string];
  const keys = `~${group.prefix}*`;
  const all = ["+@connection", "+acl|whoami", "+info", "+client"];
  await server.call("ACL", "SETUSER", reader, "on", ">secret1", keys, "+@read", ...all);
  await server.call("ACL", "SETUSER", writer, "on", ">secret2", keys, "+@write", "+@read", ...all);
  const [reads, writes, anyone] = await Promise.all([
    group.client({ user: reader, password: "secret1" }),
    group.client({ user: writer, password: "secret2" }),
    group.client(),
  ]);
  const key = `${group.prefix}key`;
  expect(await writes.call("SET", key, "written")).toBe("OK");
  for (let round = 0; round < 20; round++) {
    const clients = [reads, writes, anyone];
    const users = await Promise.all(clients.map((client) => client.call("ACL", "WHOAMI")));
    expect(users).toEqual([reader, writer, "default"]);
  }
  expect(await reads.call("GET", key)).toBe("written");
  await expect(reads.call("SET", key, "x")).rejects.toThrow(/NOPERM|PermissionDenied/);
  await expect(writes.call("GET", "somebody else's")).rejects.toThrow(/NOPERM|PermissionDenied/);
  await expect(anyone.call("AUTH", writer, "wrong")).rejects.toThrow(
    /WRONGPASS|AuthenticationFailed/,
  );
  expect(await anyone.call("ACL", "WHOAMI")).toBe("default");
  expect(await anyone.call("AUTH", writer, "secret2")).toBe("OK");
  expect(await anyone.call("ACL", "WHOAMI")).toBe(writer);
}

async function playNames(group: Group): Promise<void> {
  const names = Array.from({ length: 5 }, (_, index) =>
    `${group.prefix}client${index}`.replace(":", "-"),
  );
  const clients = await Promise.all(names.map((name) => group.client({ name })));
  const each = (...command: Command) =>
    Promise.all(clients.map((client) => client.call(...command)));
  expect(await each("CLIENT", "GETNAME")).toEqual(names);
  const ids = await each("CLIENT", "ID");
  expect(new Set(ids.map(Number)).size).toBe(clients.length);
  expect(await each("CLIENT", "ID")).toEqual(ids);
  await clients[0]?.call("CLIENT", "SETNAME", `${names[0]}-renamed`);
  expect(await clients[0]?.call("CLIENT", "GETNAME")).toBe(`${names[0]}-renamed`);
  expect(await clients[1]?.call("CLIENT", "GETNAME")).toBe(names[1] ?? "");
  const list = String(await clients[0]?.call("CLIENT", "LIST"));
  for (const name of names.slice(1)) expect(list).toContain(` name=${name} `);
}

async function playReconnect(group: Group): Promise<void> {
  const name = `${group.prefix}cut`.replace(":", "-");
  const [client, killer] = await Promise.all([group.client({ name, database: 2 }), group.client()]);
  const key = `${group.prefix}kept`;
  await client.call("SET", key, "kept");
  for (let round = 0; round < 3; round++) {
    const id = String(await client.call("CLIENT", "ID"));
    const under = Promise.allSettled(Array.from({ length: 20 }, () => client.call("GET", key)));
    expect(Number(await killer.call("CLIENT", "KILL", "ID", id))).toBe(1);
    // Answered rightly, or failed; none may hang or be somebody else's.
    for (const outcome of await under) {
      if (outcome.status === "fulfilled") expect(outcome.value).toBe("kept");
      else expect(outcome.reason.name).not.toBe("HungError");
    }
    await waitFor(async () => {
      try {
        return (await client.call("GET", key)) === "kept";
      } catch {
        return false;
      }
    }, "it works again, in its database");
    expect(Number(await client.call("CLIENT", "ID"))).not.toBe(Number(id));
    expect(await killer.call("GET", key)).toBeNull();
  }
  if (group.library.restoresName) expect(await client.call("CLIENT", "GETNAME")).toBe(name);
}

async function playLargeValues(group: Group): Promise<void> {
  const clients = await group.clientsOf(4);
  const small = await group.client();
  let isOver = false;
  const beside = (async () => {
    for (let index = 0; !isOver; index++) {
      await small.call("SET", `${group.prefix}small`, String(index));
      expect(await small.call("GET", `${group.prefix}small`)).toBe(String(index));
    }
  })();
  await Promise.all(
    clients.map(async (client, owner) => {
      for (let round = 0; round < 3; round++) {
        const key = `${group.prefix}large${owner}`;
        const value = valueFor(10 * owner + round, MIB + owner);
        await client.setBytes(key, value);
        const found = await client.getBytes(key);
        // Not by toEqual, which would print megabytes.
        expect(found?.equals(value), `the value of ${key}`).toBe(true);
        const [again, pong] = await Promise.all([client.getBytes(key), client.call("PING")]);
        expect([again?.equals(value), pong]).toEqual([true, "PONG"]);
      }
    }),
  );
  isOver = true;
  await beside;
}

/** How many clients the server says are blocked. */
async function blockedClients({ place }: Group): Promise<number> {
  const info = String(await place.server.call("INFO", "clients"));
  return Number(/^blocked_clients:(\d+)/m.exec(info)?.[1] ?? Number.NaN);
}

/** The pairs of a map, in any of the forms that libraries give it. */
function entriesOf(reply: unknown): [string, string][] {
  if (reply instanceof Map) return [...(reply as Map<string, string>).entries()];
  if (!Array.isArray(reply)) return Object.entries(reply as Record<string, string>);
  if (typeof reply[0] === "object") {
    return (reply as { key: string; value: string }[]).map(({ key, value }) => [key, value]);
  }
  const flat = reply as string[];
  return flat.flatMap((key, index) =>
    index % 2 === 0 ? ([[key, flat[index + 1] ?? ""]] as [string, string][]) : [],
  );
}
