import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { argsToRead, type Command, commandOf } from "./command-table.ts";
import { Queue } from "./queue.ts";
import { Move, Session } from "./session.ts";

/** A command by its words. */
function command(text: string): Command {
  return commandOf(text.split(" ").map((word) => Buffer.from(word)));
}

describe("a session", () => {
  test("shares until a command needs its own connection, and shares again when that is clean", () => {
    const session = new Session();
    expect(session.requested(command("get a"))).toBe(Move.Share);
    expect(session.requested(command("multi"))).toBe(Move.Wait);
    session.replied(null);
    expect(session.requested(command("multi"))).toBe(Move.Lease);
    session.leased();
    for (const text of ["multi", "set a 1", "exec"]) {
      expect(session.requested(command(text))).toBe(Move.Own);
    }
    session.replied(null);
    session.replied(null);
    expect(session.mayRelease).toBe(false);
    session.replied(null);
    expect(session.mayRelease).toBe(true);
    expect(session.released()).toBe(0);
    expect(session.requested(command("get a"))).toBe(Move.Share);
  });

  test.each([
    ["watch a", null, false],
    ["exec", "ERR EXEC without MULTI", true],
    ["blpop a 1", null, true],
    ["xread block 0 streams a 0", null, true],
  ])("%p answered by %p may be released: %p", (text, errorText, mayRelease) => {
    const session = new Session();
    session.leased();
    session.requested(command(text));
    session.replied(errorText);
    expect(session.mayRelease).toBe(mayRelease);
  });

  test.each([
    ["EXECABORT Transaction discarded", true],
    ["LOADING Valkey is loading", false],
    ["NOPERM no", false],
  ])("EXEC answered by %p: may be released: %p", (errorText, mayRelease) => {
    const session = new Session();
    session.leased();
    for (const text of ["multi", "exec"]) session.requested(command(text));
    session.replied(null);
    session.replied(errorText);
    expect(session.mayRelease).toBe(mayRelease);
  });

  test("a SELECT in a transaction is the upstream's to queue, and the connection nobody else's", () => {
    const session = new Session();
    session.leased();
    expect(session.requested(command("select 3"))).toBe(Move.Here);
    for (const text of ["multi", "select 3", "exec"]) {
      expect(session.requested(command(text))).toBe(Move.Own);
    }
    for (let i = 0; i < 3; i++) session.replied(null);
    expect(session.mayRelease).toBe(false);
  });

  test("what ringway answers waits for what is owed", () => {
    const session = new Session();
    session.requested(command("get a"));
    expect(session.requested(command("client setname b"))).toBe(Move.Wait);
    session.replied(null);
    expect(session.requested(command("client setname b"))).toBe(Move.Here);
  });

  test.each(["subscribe a", "monitor", "client tracking on", "client reply off", "no.such 1"])(
    "%p is relayed on its own connection for good",
    (text) => {
      const session = new Session();
      expect(session.requested(command(text))).toBe(Move.Lease);
      session.leased();
      expect(session.requested(command(text))).toBe(Move.Relay);
      expect(session.mayRelease).toBe(false);
    },
  );

  test("a large request takes a connection of its own, for itself alone", () => {
    const session = new Session();
    expect(session.requested(command("set a b"), true)).toBe(Move.Lease);
    session.leased();
    expect(session.requested(command("set a b"), true)).toBe(Move.Own);
    session.replied(null);
    expect(session.mayRelease).toBe(true);
  });
});

describe("the table", () => {
  test.each([
    ["get a", "share", true],
    ["SET a b", "share", false],
    ["config get maxmemory", "share", false],
    ["xread streams a 0", "share", true],
    ["xread count 1 block 5 streams a 0", "pin", true],
    ["xread streams block 0", "share", true],
    [`xread ${"count 1 ".repeat(8)}block 0 streams a 0`, "pin", true],
    [`xreadgroup group streams c ${"count 1 ".repeat(6)}block 0 streams a 0`, "pin", false],
    ["xreadgroup group g c noack count 1 streams a 0", "share", false],
    ["brpop a 0", "pin", false],
    ["wait 1 0", "pin", false],
    ["psync ? -1", "relay", false],
    ["acl", "share", false],
    ["acl no-such", "relay", false],
    [`${"x".repeat(5_000)}`, "relay", false],
  ] as const)("%p: %p, reads: %p", (text, way, isRead) => {
    expect(command(text)).toMatchObject({ way, isRead });
  });

  test.each([
    ["get", 2],
    ["client", 16],
    ["auth", 16],
    ["xread", 16],
    ["no.such", 2],
  ])("of %p %p arguments are read", (name, count) => {
    expect(argsToRead(Buffer.from(name))).toBe(count);
  });
});

/** A connection of a server that knows transactions, and to whom each reply goes. */
class ServerConnection {
  private queued: string[] | null = null;
  private isWatching = false;
  readonly replies: string[] = [];

  get isClean(): boolean {
    return this.queued === null && !this.isWatching && this.replies.length === 0;
  }

  ask(text: string): void {
    this.replies.push(this.answer(text));
  }

  private answer(text: string): string {
    const [name] = text.split(" ");
    if (name === "multi") {
      if (this.queued !== null) return "-ERR MULTI calls can not be nested";
      this.queued = [];
      return "+OK";
    }
    if (name === "exec" || name === "discard") {
      if (this.queued === null) return `-ERR ${name} without MULTI`;
      const all = name === "exec" ? this.queued.join() : "+OK";
      this.queued = null;
      this.isWatching = false;
      return all;
    }
    if (this.queued !== null && name !== "watch") {
      this.queued.push(text);
      return "+QUEUED";
    }
    if (name === "watch") {
      if (this.queued !== null) return "-ERR WATCH inside MULTI is not allowed";
      this.isWatching = true;
    }
    if (name === "unwatch") this.isWatching = false;
    return `+${text}`;
  }
}

/** A client with what it has sent and got; its requests are numbered, so that a wrong reply is seen. */
class Client {
  readonly session = new Session();
  readonly waiting: string[] = [];
  readonly got: string[] = [];
  isGone = false;
  own: ServerConnection | null = null;
}

/** Sessions over one shared connection and leased ones, as an owner would run them. */
class Owner {
  readonly connection = new ServerConnection();
  /** Whom the shared connection owes its next replies. */
  readonly shared = new Queue<Client>();
  readonly spare: ServerConnection[] = [];

  /** Does what can be done with a client's requests. */
  work(client: Client): void {
    for (let text = client.waiting[0]; text !== undefined; text = client.waiting[0]) {
      if (this.shared.length >= 8 || client.isGone) return;
      const move = client.session.requested(command(text));
      if (move === Move.Wait) return;
      if (move === Move.Lease) {
        client.own = this.spare.pop() ?? new ServerConnection();
        expect(client.own.isClean).toBe(true);
        client.session.leased();
        continue;
      }
      client.waiting.shift();
      if (move === Move.Share) {
        this.shared.push(client);
        this.connection.ask(text);
      } else client.own?.ask(text);
    }
  }

  /** The next reply of the shared connection comes. */
  sharedReply(): void {
    const reply = this.connection.replies.shift();
    const client = reply === undefined ? undefined : this.shared.shift();
    if (reply === undefined || client === undefined) return;
    if (!client.isGone) this.reply(client, reply);
  }

  /** The next reply of a client's own connection comes. */
  ownReply(client: Client): void {
    const reply = client.own?.replies.shift();
    if (reply !== undefined) this.reply(client, reply);
  }

  private reply(client: Client, reply: string): void {
    client.session.replied(reply.startsWith("-") ? reply.slice(1) : null);
    client.got.push(reply);
    if (!client.session.mayRelease) return;
    client.session.released();
    this.spare.push(client.own as ServerConnection);
    client.own = null;
  }
}

test("whatever clients ask and however replies come: each gets its own, in order, and leased connections come back clean", () => {
  const texts = ["get", "set", "multi", "exec", "discard", "watch", "unwatch", "blpop"];
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.tuple(fc.constant("ask"), fc.nat(3), fc.constantFrom(...texts)) },
    { weight: 3, arbitrary: fc.tuple(fc.constant("own"), fc.nat(3), fc.constant("")) },
    { weight: 4, arbitrary: fc.tuple(fc.constant("shared"), fc.nat(3), fc.constant("")) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("leave"), fc.nat(3), fc.constant("")) },
  );
  const runs = Number(process.env.RINGWAY_FUZZ_RUNS ?? 5_000);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const owner = new Owner();
      const clients = Array.from({ length: 4 }, () => new Client());
      const alone = clients.map(() => new ServerConnection());
      let number = 0;
      for (const [what, index, text] of steps) {
        const client = clients[index] as Client;
        if (what === "ask" && !client.isGone) {
          const request = `${text} ${index}.${number++}`;
          client.waiting.push(request);
          (alone[index] as ServerConnection).ask(request);
        } else if (what === "own") owner.ownReply(client);
        else if (what === "shared") owner.sharedReply();
        else if (what === "leave") client.isGone = true;
        for (const one of clients) owner.work(one);
      }
      for (let i = 0; i < 500; i++) {
        owner.sharedReply();
        for (const one of clients) {
          owner.ownReply(one);
          owner.work(one);
        }
      }
      expect(owner.shared.length).toBe(0);
      for (const [index, client] of clients.entries()) {
        const { replies } = alone[index] as ServerConnection;
        if (client.isGone) expect(replies.slice(0, client.got.length)).toEqual(client.got);
        else expect(client.got).toEqual(replies);
      }
    }),
    { numRuns: runs },
  );
});
