import type { Server } from "bun";
import { RedisClient } from "bun";
import { Redis } from "ioredis";
import { type RestartableUpstream, redisName, startRedis } from "./redis-upstream.ts";
import type { ClientKind, StoreClient } from "./store.ts";

/** Bun's own Redis client, which speaks RESP3. */
export const bunRedis: ClientKind = {
  name: `Bun's RedisClient to ${redisName}`,
  ownsConnection: true,
  startUpstream: startRedis,
  connect: async (port) => {
    const client = new RedisClient(`redis://127.0.0.1:${port}`, { maxRetries: 100 });
    await client.connect();
    return {
      set: async (key, value) => expectOk(await client.set(key, value)),
      get: (key) => client.getBuffer(key),
      close: () => client.close(),
    };
  },
};

/** ioredis, which reconnects and sends again what was not answered. */
export const ioredis: ClientKind = {
  name: `ioredis to ${redisName}`,
  ownsConnection: true,
  startUpstream: startRedis,
  connect: async (port) => {
    const client = new Redis(port, "127.0.0.1", {
      lazyConnect: true,
      retryStrategy: () => 20,
      maxRetriesPerRequest: 3,
    });
    // What it reports here it reports to the calls, too; unheard it would write to the console.
    client.on("error", () => {});
    await client.connect();
    return {
      set: async (key, value) => expectOk(await client.set(key, Buffer.from(value))),
      get: (key) => client.getBuffer(key),
      close: () => client.disconnect(),
    };
  },
};

/** fetch with keep-alive, one pool of connections per process. */
export const fetchKeepAlive: ClientKind = {
  name: "fetch with keep-alive to Bun.serve",
  ownsConnection: false,
  startUpstream: async () => new HttpStore(),
  connect: async (port) => httpClient(`http://127.0.0.1:${port}`),
};

function httpClient(origin: string): StoreClient {
  return {
    set: async (key, value) => {
      const response = await fetch(`${origin}/${key}`, {
        method: "PUT",
        body: value as Bun.BodyInit,
      });
      if (response.status !== 204) throw new Error(`PUT was answered with ${response.status}`);
    },
    get: async (key) => {
      const response = await fetch(`${origin}/${key}`);
      const body = await response.bytes();
      if (response.status === 404) return null;
      if (response.status !== 200) throw new Error(`GET was answered with ${response.status}`);
      return body;
    },
    close: () => {},
  };
}

/** PUT keeps a body under a path, GET answers with it. */
class HttpStore implements RestartableUpstream {
  private server = serve(0);
  readonly port = this.server.port ?? 0;

  async down(): Promise<void> {
    await this.server.stop(true);
  }

  async up(): Promise<void> {
    this.server = serve(this.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }
}

function serve(port: number): Server<undefined> {
  const values = new Map<string, Uint8Array>();
  return Bun.serve({
    hostname: "127.0.0.1",
    port,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      if (request.method === "PUT") {
        values.set(pathname, await request.bytes());
        return new Response(null, { status: 204 });
      }
      const value = values.get(pathname);
      if (value === undefined) return new Response(null, { status: 404 });
      return new Response(value as Bun.BodyInit);
    },
  });
}

function expectOk(answer: unknown): void {
  if (answer !== "OK") throw new Error(`SET was answered with ${answer}`);
}
