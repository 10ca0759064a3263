import { RedisClient } from "bun";
import type { Command, Introduction, Library, LibraryClient } from "./library.ts";

/** Bun's own client. It speaks RESP3 only, and pipelines the calls of one turn. */
export const bunClient: Library = {
  name: "Bun's RedisClient",
  protocols: [3],
  restoresName: false,
  subscribes: { channels: [3], patterns: [] },
  async connect(port, introduction) {
    const client = new RedisClient(urlOf(port, introduction), { maxRetries: 100 });
    await client.connect();
    if (introduction.name !== undefined) {
      await client.send("CLIENT", ["SETNAME", introduction.name]);
    }
    return clientOf(client);
  },
};

function urlOf(port: number, { user = "", password, database = 0 }: Introduction): string {
  const credentials = password === undefined ? "" : `${user}:${password}@`;
  return `redis://${credentials}127.0.0.1:${port}/${database}`;
}

function clientOf(client: RedisClient): LibraryClient {
  const send = ([command, ...values]: Command): Promise<unknown> => client.send(command, values);
  const together = (commands: readonly Command[]) => Promise.all(commands.map(send));
  return {
    call: (...command) => send(command),
    setBytes: async (key, value) => void (await client.set(key, value)),
    getBytes: async (key) => {
      const value = await client.getBuffer(key);
      return value === null ? null : Buffer.from(value);
    },
    async transact(commands) {
      // It has no transactions of its own: what is sent in one turn keeps its order.
      const replies = await together([["MULTI"], ...commands, ["EXEC"]]);
      return replies.at(-1) as unknown[] | null;
    },
    pipeline: together,
    script: (source, keys, values) =>
      client.send("EVAL", [source, String(keys.length), ...keys, ...values]),
    subscribe: async (channel, hear) => void (await client.subscribe(channel, hear)),
    subscribePattern: () => Promise.reject(new Error("Bun's client has no patterns")),
    close: () => client.close(),
  };
}
