import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createProxy } from "../../src/index.ts";
import { authority, server } from "../fixtures/certificates.ts";
import { End } from "../fixtures/end.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { inParallel, waitFor } from "../fixtures/wait.ts";

// Bun takes the newest of many handshakes first. Unless they begin one by one, the oldest never end.

setDefaultTimeout(60_000);

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-tls-crowd-"));
  await writeFile(join(folder, "cert.pem"), server.cert);
  await writeFile(join(folder, "key.pem"), server.key);
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

test("of 50 clients that come again and again, none waits while newer ones are served", async () => {
  const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
  const { port } = upstream.address as { port: number };
  const reasons = new Set<string | null>();
  await using proxy = await createProxy(
    {
      listen: "127.0.0.1:0",
      upstream: `127.0.0.1:${port}`,
      tlsCert: join(folder, "cert.pem"),
      tlsKey: join(folder, "key.pem"),
      drainTimeout: 0,
    },
    { relayEnded: ({ reason }) => reasons.add(reason) },
  );
  const tls = { ca: authority.cert, serverName: "localhost", rejectUnauthorized: true };
  const at = { kind: "tcp", host: "127.0.0.1" } as const;
  const door = { ...at, port: Number(proxy.addresses[0]?.split(":").at(-1)) };
  let begun = 0;
  let overtaken = 0;
  await inParallel(800, 50, async () => {
    const number = begun++;
    const client = await End.connect(door, undefined, tls);
    client.send("hello");
    await waitFor(
      () => client.receivedBytes === 5,
      () => `client ${number} is served: ${client}`,
    );
    overtaken = Math.max(overtaken, begun - number);
    client.reset();
  });
  // As many as are under way at once come later and may be served before, and some rounds more.
  expect(overtaken).toBeLessThan(400);
  await waitFor(() => proxy.stats().relays.running === 0, "all are over");
  expect([...reasons]).toEqual(["client_reset"]);
  upstream.close();
});
