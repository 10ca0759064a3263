import { Redis as Ioredis } from "ioredis";
import { Redis as Iovalkey } from "iovalkey";
import type { Command, Introduction, Library, LibraryClient, Protocol } from "./library.ts";

/** What ioredis and iovalkey, which was forked from it, have in common. */
interface Connection {
  connect(): Promise<void>;
  disconnect(): void;
  on(event: "error", listener: () => void): unknown;
  on(event: "message", listener: (channel: string, message: string) => void): unknown;
  on(
    event: "pmessage",
    listener: (pattern: string, channel: string, message: string) => void,
  ): unknown;
  call(command: string, ...values: string[]): Promise<unknown>;
  set(key: string, value: Buffer): Promise<string>;
  getBuffer(key: string): Promise<Buffer | null>;
  multi(commands: string[][]): Batch;
  pipeline(commands: string[][]): Batch;
  defineCommand(name: string, definition: { lua: string }): void;
  subscribe(channel: string): Promise<unknown>;
  psubscribe(pattern: string): Promise<unknown>;
}

interface Batch {
  exec(): Promise<[error: Error | null, result: unknown][] | null>;
}

type Options = ReturnType<typeof optionsOf>;

function optionsOf(port: number, { user, password, database = 0, name }: Introduction) {
  return {
    host: "127.0.0.1",
    port,
    lazyConnect: true,
    retryStrategy: () => 20,
    db: database,
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(name === undefined ? {} : { connectionName: name }),
    // Calls of one turn become one pipeline.
    enableAutoPipelining: true,
  };
}

function family(
  name: string,
  protocols: readonly Protocol[],
  open: (options: Options, protocol: Protocol) => Connection,
): Library {
  return {
    name,
    protocols,
    restoresName: true,
    subscribes: { channels: protocols, patterns: protocols },
    async connect(port, introduction) {
      const connection = open(optionsOf(port, introduction), introduction.protocol);
      // What it reports here it reports to the calls, too; unheard it would write to the console.
      connection.on("error", () => {});
      await connection.connect();
      return clientOf(connection);
    },
  };
}

function clientOf(connection: Connection): LibraryClient {
  return {
    call: (command, ...values) => connection.call(command, ...values),
    setBytes: async (key, value) => void (await connection.set(key, value)),
    getBytes: (key) => connection.getBuffer(key),
    transact: (commands) => resultsOf(connection.multi(calls(commands))),
    pipeline: async (commands) => (await resultsOf(connection.pipeline(calls(commands)))) ?? [],
    async script(source, keys, values) {
      // It asks with EVALSHA, and with EVAL if the server does not know the script.
      connection.defineCommand("ofTheTest", { lua: source });
      const { ofTheTest } = connection as unknown as Record<"ofTheTest", Connection["call"]>;
      return await ofTheTest.call(connection, String(keys.length), ...keys, ...values);
    },
    async subscribe(channel, hear) {
      connection.on("message", (heard, message) => hear(message, heard));
      await connection.subscribe(channel);
    },
    async subscribePattern(pattern, hear) {
      connection.on("pmessage", (_, channel, message) => hear(message, channel));
      await connection.psubscribe(pattern);
    },
    close: () => connection.disconnect(),
  };
}

/** Its batches know commands by the names of its methods; `call` is the one for any command. */
function calls(commands: readonly Command[]): string[][] {
  return commands.map((command) => ["call", ...command]);
}

/** An error takes the place of its result, as other libraries have it. */
async function resultsOf(batch: Batch): Promise<readonly unknown[] | null> {
  const results = await batch.exec();
  return results?.map(([error, result]) => error ?? result) ?? null;
}

export const ioredis = family(
  "ioredis",
  [2, 3],
  (options, protocol) => new Ioredis({ ...options, protocol }),
);

export const iovalkey = family("iovalkey", [2], (options) => new Iovalkey(options));
