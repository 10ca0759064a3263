import { createClient, RESP_TYPES, WatchError } from "@redis/client";
import type { Introduction, Library, LibraryClient } from "./library.ts";

/** node-redis, without the commands of Redis modules. It pipelines the calls of one turn. */
export const nodeRedis: Library = {
  name: "node-redis",
  protocols: [2, 3],
  restoresName: true,
  subscribes: { channels: [2, 3], patterns: [2, 3] },
  async connect(port, introduction) {
    const client = open(port, introduction);
    // Unheard it would be thrown; the calls fail, too.
    client.on("error", () => {});
    await client.connect();
    return clientOf(client);
  },
};

function open(port: number, introduction: Introduction) {
  const { protocol, user, password, database = 0, name } = introduction;
  return createClient({
    socket: { host: "127.0.0.1", port, reconnectStrategy: () => 20 },
    RESP: protocol,
    database,
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(name === undefined ? {} : { name }),
  });
}

function clientOf(client: ReturnType<typeof open>): LibraryClient {
  const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  const batch = (commands: readonly (readonly string[])[]) => {
    const multi = client.multi();
    for (const command of commands) multi.addCommand([...command]);
    return multi;
  };
  return {
    call: (...command) => client.sendCommand([...command]),
    setBytes: async (key, value) => void (await client.set(key, value)),
    getBytes: async (key) => (await bytes.get(key)) as Buffer | null,
    async transact(commands) {
      try {
        return await batch(commands).exec();
      } catch (error) {
        if (error instanceof WatchError) return null;
        throw error;
      }
    },
    pipeline: (commands) => batch(commands).execAsPipeline(),
    script: (source, keys, values) =>
      client.eval(source, { keys: [...keys], arguments: [...values] }),
    subscribe: (channel, hear) => client.subscribe(channel, hear),
    subscribePattern: (pattern, hear) => client.pSubscribe(pattern, hear),
    close: () => client.destroy(),
  };
}
