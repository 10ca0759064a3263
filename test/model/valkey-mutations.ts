import type { Mutation } from "./mutant.ts";

/** One way to break mode `valkey`. */
export interface ValkeyMutation extends Mutation {
  /** Below src/. */
  readonly file: string;
}

/** Ways to break what decides which reply is whose, and which connection may be whose. */
export const valkeyMutations: readonly ValkeyMutation[] = [
  {
    file: "kinds/valkey/session.ts",
    what: "a connection is released in the midst of a transaction",
    find: "return this.isInTransaction || this.isWatching || this.isDirty;",
    replace: "return this.isWatching || this.isDirty;",
  },
  {
    file: "kinds/valkey/session.ts",
    what: "a connection is released with watched keys",
    find: "return this.isInTransaction || this.isWatching || this.isDirty;",
    replace: "return this.isInTransaction || this.isDirty;",
  },
  {
    file: "kinds/valkey/session.ts",
    what: "a connection is released although it owes replies",
    find: "return this.isLeased && !this.isRelayed && this.owed === 0 && !this.isStateful;",
    replace: "return this.isLeased && !this.isRelayed && !this.isStateful;",
  },
  {
    file: "kinds/valkey/session.ts",
    what: "ringway answers although replies are owed",
    find: "return this.owed === 0 ? Move.Here : Move.Wait;",
    replace: "return Move.Here;",
  },
  {
    file: "kinds/valkey/session.ts",
    what: "a client leases although replies are owed",
    find: "return this.owed === 0 ? Move.Lease : Move.Wait;",
    replace: "return Move.Lease;",
  },
  {
    file: "kinds/valkey/upstream-connection.ts",
    what: "a reply leaves its request in the queue",
    find: "    this.asked.shift();\n",
    replace: "",
  },
  {
    file: "kinds/valkey/upstream-connection.ts",
    what: "who was owed a reply by a lost connection is told nothing",
    find: "else asked.asker?.lost(asked, at === 0 && hasBegun, this.wasConnected);",
    replace: "",
  },
  {
    file: "kinds/valkey/upstream-connection.ts",
    what: "bytes that were not taken are sent no more",
    find: "this.batchSize -= taken;",
    replace: "this.batchSize = 0;",
  },
  {
    file: "kinds/valkey/upstream-connection.ts",
    what: "writes are asked again",
    find: "if (asked.request === null || others.has(asked.asker)",
    replace: "if (others.has(asked.asker)",
  },
  {
    file: "kinds/valkey/requests.ts",
    what: "the beginning of a request is forgotten",
    find: "      shared.append(partial.bytes, 0, partial.size);\n",
    replace: "",
  },
  {
    file: "kinds/valkey/requests.ts",
    what: "requests are read although one is pending",
    find: "if (owner.mustWait) break;",
    replace: "",
  },
  {
    file: "kinds/valkey/valkey-client.ts",
    what: "a denied command is shared",
    find: "if (command.isDenied || command.way",
    replace: "if (command.way",
  },
  {
    file: "kinds/valkey/valkey-client.ts",
    what: "a client that has got half a reply goes on",
    find: 'this.end("upstream_reset");\n      return;',
    replace: "return;",
  },
  {
    file: "kinds/valkey/replies.ts",
    what: "what a client does not take is lost",
    find: "if (taken < bytes.length) this.keepBack(copyOf(bytes, taken));",
    replace: "",
  },
  {
    file: "kinds/valkey/own-connection.ts",
    what: "a connection with state of its client is given to another one",
    find: "if (now !== null) login?.discard(now);",
    replace: "if (now !== null) login?.release(now);",
  },
  {
    file: "kinds/valkey/leases.ts",
    what: "there is no bound of leased connections",
    find: "if (idle === undefined) return false;",
    replace: "if (idle === undefined) break;",
  },
];
