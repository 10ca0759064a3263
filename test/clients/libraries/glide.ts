import {
  Batch,
  Decoder,
  GlideClient,
  Logger,
  ProtocolVersion,
  type PubSubMsg,
  Script,
} from "@valkey/valkey-glide";
import type { Command, Hear, Library, LibraryClient } from "./library.ts";

// Otherwise it writes to the console what it also reports to its caller.
Logger.setLoggerConfig("off");

/** Long enough for what is blocked on purpose; its default is 250 ms. */
const TIMEOUT_MS = 10_000;

/** Valkey's own client, whose connection is made by a library in Rust. */
export const glide: Library = {
  name: "valkey-glide",
  protocols: [2, 3],
  restoresName: true,
  subscribes: { channels: [3], patterns: [3] },
  async connect(port, { protocol, user, password, database = 0, name }) {
    const hearers: Hearers = { channels: new Map(), patterns: new Map() };
    const client = await GlideClient.createClient({
      addresses: [{ host: "127.0.0.1", port }],
      protocol: protocol === 2 ? ProtocolVersion.RESP2 : ProtocolVersion.RESP3,
      requestTimeout: TIMEOUT_MS,
      connectionBackoff: { numberOfRetries: 100, factor: 10, exponentBase: 2 },
      databaseId: database,
      ...(password === undefined ? {} : { credentials: credentialsOf(user, password) }),
      ...(name === undefined ? {} : { clientName: name }),
      ...(protocol === 2 ? {} : { pubsubSubscriptions: subscriptionsOf(hearers) }),
    });
    return clientOf(client, hearers);
  },
};

/** By channel and by pattern. */
interface Hearers {
  readonly channels: Map<string, Hear>;
  readonly patterns: Map<string, Hear>;
}

/** None at first; what is heard later goes to whoever asked for it. */
function subscriptionsOf({ channels, patterns }: Hearers) {
  return {
    channelsAndPatterns: {},
    callback: ({ message, channel, pattern }: PubSubMsg) => {
      const hearers = pattern == null ? channels : patterns;
      hearers.get(String(pattern ?? channel))?.(String(message), String(channel));
    },
  };
}

function credentialsOf(username: string | undefined, password: string) {
  return username === undefined ? { password } : { username, password };
}

function clientOf(client: GlideClient, hearers: Hearers): LibraryClient {
  return {
    call: (...command) => client.customCommand([...command]),
    setBytes: async (key, value) => void (await client.set(key, value)),
    getBytes: async (key) => (await client.get(key, { decoder: Decoder.Bytes })) as Buffer | null,
    transact: (commands) => client.exec(batchOf(commands, true), false),
    pipeline: async (commands) => (await client.exec(batchOf(commands, false), false)) ?? [],
    async script(source, keys, values) {
      // It asks with EVALSHA, and loads the script if the server does not know it.
      const script = new Script(source);
      try {
        return await client.invokeScript(script, { keys: [...keys], args: [...values] });
      } finally {
        script.release();
      }
    },
    async subscribe(channel, hear) {
      hearers.channels.set(channel, hear);
      await client.subscribe(new Set([channel]), TIMEOUT_MS);
    },
    async subscribePattern(pattern, hear) {
      hearers.patterns.set(pattern, hear);
      await client.psubscribe(new Set([pattern]), TIMEOUT_MS);
    },
    close: () => client.close(),
  };
}

function batchOf(commands: readonly Command[], isAtomic: boolean): Batch {
  const batch = new Batch(isAtomic);
  for (const command of commands) batch.customCommand([...command]);
  return batch;
}
