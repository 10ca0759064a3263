import type { RestartableUpstream } from "./redis-upstream.ts";

/** What the three clients have in common: values under keys, over connections of their own. */
export interface StoreClient {
  set(key: string, value: Uint8Array): Promise<void>;
  /** The value, or null when there is none. */
  get(key: string): Promise<Uint8Array | null>;
  close(): void;
}

/** One kind of client, with the upstream that it talks to. */
export interface ClientKind {
  readonly name: string;
  startUpstream(): Promise<RestartableUpstream>;
  connect(port: number): Promise<StoreClient>;
  /** Each client is one connection, which ends with it; else the runtime pools connections. */
  readonly ownsConnection: boolean;
}

/** Milliseconds after which a call counts as hung. Longer than any client's pause to reconnect. */
const HUNG_AFTER_MS = 10_000;

/** Milliseconds that a case may take: more than a hung call, so that it is named. */
export const CASE_MS = 30_000;

/** A call that neither answered nor failed. Never an expected outcome. */
export class HungError extends Error {
  override readonly name = "HungError";
}

/** Waits for a call, but not for ever. @throws HungError */
export async function bounded<T>(call: Promise<T>, what: string): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new HungError(`${what} hung`)), HUNG_AFTER_MS);
  try {
    return await Promise.race([call, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The same client, with every call bounded. */
export function boundedClient(client: StoreClient): StoreClient {
  return {
    set: (key, value) => bounded(client.set(key, value), `set ${key}`),
    get: (key) => bounded(client.get(key), `get ${key}`),
    close: () => client.close(),
  };
}
