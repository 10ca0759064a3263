import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { bunClient } from "../clients/libraries/bun.ts";
import { libraryCases } from "../clients/libraries/cases.ts";
import { glide } from "../clients/libraries/glide.ts";
import type { Place } from "../clients/libraries/group.ts";
import { ioredis, iovalkey } from "../clients/libraries/ioredis.ts";
import type { LibraryClient } from "../clients/libraries/library.ts";
import { nodeRedis } from "../clients/libraries/node-redis.ts";
import { findProgram } from "../clients/programs.ts";
import { type RestartableUpstream, startRedis } from "../clients/redis-upstream.ts";
import { CliProcess } from "../fixtures/cli-process.ts";

// The client libraries that people use, each with everything that it can do, through each mode of a
// listener that passes commands on.

const modes = ["bidirectional", "valkey"] as const;
const engines = process.platform === "linux" ? ["sockets", "uring"] : ["sockets"];
const libraries = [ioredis, iovalkey, nodeRedis, glide, bunClient];

// The server inside knows no transactions, users or scripts.
const isMissing = findProgram("redis-server") === null;

let redis: RestartableUpstream;
let server: LibraryClient;

beforeAll(async () => {
  redis = await startRedis();
  server = await bunClient.connect(redis.port, { protocol: 3 });
});

afterAll(async () => {
  server.close();
  await redis[Symbol.asyncDispose]();
});

describe
  .skipIf(isMissing)
  .each(modes.flatMap((mode) => engines.map((engine) => ({ mode, engine }))))(
  "mode $mode, engine $engine",
  ({ mode, engine }) => {
    let proxy: CliProcess;
    let port = 0;

    /** @throws Error with its last words when the proxy has ended: nothing would answer then */
    const place = async (): Promise<Place> => {
      const { exitCode, signalCode } = proxy.child;
      if (exitCode === null && signalCode === null) return { port, server };
      const { err } = await proxy.finished();
      throw new Error(`the proxy has ended (${exitCode ?? signalCode}): ${err.slice(-2_000)}`);
    };

    beforeAll(async () => {
      const upstream = `127.0.0.1:${redis.port}`;
      const relay = ["-l", "127.0.0.1:0", "-u", upstream, "--mode", mode, "--engine", engine];
      proxy = new CliProcess([...relay, "--stats", "json"]);
      port = await proxy.port();
    });

    afterAll(async () => {
      await proxy[Symbol.asyncDispose]();
    });

    for (const library of libraries) {
      describe.each([...library.protocols])(`${library.name}, RESP%d`, (protocol) => {
        libraryCases(library, protocol, place);
      });
    }

    test("the proxy ends in order and keeps nothing", async () => {
      const { code, out } = await proxy.stop();
      expect(code).toBe(0);
      expect(JSON.parse(out)).toMatchObject({
        relays: { running: 0 },
        memory: { segmentsLeased: 0 },
      });
    });
  },
);
