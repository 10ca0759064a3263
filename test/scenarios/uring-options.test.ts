import { describe, expect, test } from "bun:test";
import { uringDefaults } from "../../src/config/defaults.ts";
import type { UringOptions } from "../../src/config/options.ts";
import { startEmbeddedUpstream } from "../../src/embedded/server.ts";
import { Scene } from "../contract/scene.ts";
import { uringEngine } from "../fixtures/engines.ts";
import { plainMemory } from "../fixtures/options.ts";
import { echo } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// Every way in which the uring engine can be told to work carries bytes, small and large, both ways at
// once, and ends cleanly: the whole contract is run with the defaults only.

const MIB = 1024 * 1024;

const variants: Readonly<Record<string, Partial<UringOptions>>> = {
  "single receives": { receive: "single" },
  "receive bundles": { receiveBundles: true },
  "receive bundles, once at a time": { receiveBundles: true, receive: "single" },
  "receive messages": { receiveMessages: true },
  "receive messages, once at a time": { receiveMessages: true, receive: "single" },
  "incremental buffers": { incremental: true, bufferSize: 16 * 1024, bufferCount: 16 },
  "send messages": { send: "message" },
  "zero-copy sends": { send: "zerocopy" },
  "zero-copy messages": { send: "zerocopy-message" },
  "sends from rings": { send: "ring" },
  "send bundles": { send: "bundle" },
  "cooperative completions": { taskrun: "coop" },
  "a polling thread": { taskrun: "coop", sqPollIdleMs: 50 },
  "fixed files": { fixedFiles: true },
  "huge pages": { hugePages: true },
  "a queue of 16 entries": { entries: 16 },
  "yields before waits": { yield: "always" },
  "no yields": { yield: "never" },
  "waits for 8 completions": { waitCount: 8, waitTimeoutMicros: 200 },
  "busy polling": { napi: "busy" },
  "preferred busy polling": { napi: "prefer", napiTimeoutMicros: 20 },
  "tiny buffers": { bufferSize: 256, bufferCount: 1, largeBufferSize: 16 * 1024 },
  "everything unusual": {
    receive: "single",
    receiveBundles: true,
    send: "bundle",
    taskrun: "coop",
    fixedFiles: true,
    entries: 64,
    bufferSize: 1024,
    waitCount: 4,
  },
};

function sceneWith(options: Partial<UringOptions>): Scene {
  const uring = { ...uringDefaults, ...options };
  return new Scene(
    (memory, observer, resolve) => uringEngine(memory, observer, resolve, uring),
    plainMemory,
  );
}

describe.skipIf(process.platform !== "linux")("the uring engine with", () => {
  test.each(Object.entries(variants))(
    "%s carries every byte both ways and ends cleanly",
    async (_, options) => {
      const scene = sceneWith(options);
      const upstream = await scene.upstream(echo);
      const address = await scene.listen([upstream]);
      const totals = [1, 100, 4096, 5000, 70_000, MIB, 3 * MIB];
      const clients = await Promise.all(
        totals.map((total, seed) =>
          scene.client(address, (end) => end.expects(seed).offer({ seed, total }).finish()),
        ),
      );
      await waitFor(
        () => clients.every((client) => client.finSeen),
        () => `every echo is complete: ${clients.join("; ")}`,
      );
      for (const [index, client] of clients.entries()) {
        expect(client).toMatchObject({ finAfterBytes: totals[index], mismatchAt: -1 });
      }
      await scene.ended(totals.length);
      expect(new Set(scene.record.reasons)).toEqual(new Set(["client_fin"]));
      await scene.close();
      scene.clean();
    },
    30_000,
  );

  test.each(["plain", "message", "ring"] as const)(
    "single receives, both ways, and %s sends survives ten ping-pongs (liburing #1338)",
    async (send) => {
      const scene = sceneWith({ receive: "single", send });
      const redis = startEmbeddedUpstream({ hostname: "127.0.0.1", port: 0 });
      const { address } = redis;
      if ("unix" in address) throw new Error("the embedded upstream listens on TCP");
      const upstream = { kind: "tcp", host: address.hostname, port: address.port } as const;
      const client = await scene.client(await scene.listen([upstream]));
      for (let request = 1; request <= 10; request++) {
        client.send("PING\r\n");
        await waitFor(() => client.receivedBytes === 7 * request, `answer ${request} is here`);
      }
      client.finish();
      expect((await scene.ended(1)).reason).toBe("client_fin");
      redis.stop();
      await scene.close();
    },
  );
});
