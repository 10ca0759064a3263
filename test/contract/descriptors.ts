import { expect } from "bun:test";
import type { End } from "../fixtures/end.ts";
import { plainMemory, rowed } from "../fixtures/options.ts";
import { processorSeconds } from "../fixtures/proc.ts";
import { echo } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

const CLIENTS = 300;
const LIMIT = 128;

/** The process has fewer descriptors than its clients need. */
export function descriptorCases(suite: Suite): void {
  suite.case(`${CLIENTS} clients, ${LIMIT} descriptors: nobody is lost, nothing spins`, scarcity, {
    linux: true,
    timeoutMs: 60_000,
  });
}

async function scarcity(scene: Scene): Promise<void> {
  const upstream = await scene.upstream(echo);
  const proxy = await scene.process(
    { upstreams: [rowed(upstream.address, 0)] },
    plainMemory,
    LIMIT,
  );
  for (let index = 0; index < CLIENTS; index++) {
    (await scene.client(proxy.address())).send("served?");
  }
  const { clients } = scene;
  const served = () => clients.filter((client) => client.receivedBytes >= 7);
  const lost = () => clients.filter((client) => client.closed && client.receivedBytes < 7);
  await waitFor(() => proxy.told("acceptPaused") > 0, "the proxy pauses accepting");
  await waitFor(() => served().length > 10, "those who got in are served");

  // A second of exhaustion: the window of a measurement, not a wait for something to happen.
  const before = processorSeconds(proxy.pid);
  await Bun.sleep(1000);
  expect(processorSeconds(proxy.pid) - before).toBeLessThan(0.3);
  proxy.mustLive();
  expect(lost().map(String)).toEqual([]);
  const first = served();
  expect(first.length).toBeLessThan(CLIENTS);
  for (const client of first) client.send("still?");
  const again = () => first.every((client) => client.receivedBytes === 13);
  await waitFor(again, "running relays still echo");

  await leaveAsServed(clients);
  expect(lost().map(String)).toEqual([]);
  proxy.mustLive();
  expect(proxy.told("acceptResumed")).toBeGreaterThan(0);
  const stats = await proxy.stop(5_000);
  expect(stats.acceptPauses).toBeGreaterThan(0);
  expect(stats.relays).toEqual({
    accepted: CLIENTS,
    running: 0,
    ended: CLIENTS,
    reasons: { client_fin: CLIENTS },
  });
  expect(stats.memory.segmentsLeased).toBe(0);
}

/** Whoever was served ends, which makes room for those who wait. */
async function leaveAsServed(clients: readonly End[]): Promise<void> {
  const left = new Set<End>();
  await waitFor(
    () => {
      for (const client of clients) {
        if (client.receivedBytes < 7 || left.has(client)) continue;
        client.finish();
        left.add(client);
      }
      return clients.every((client) => client.closed);
    },
    () => `everybody was served: ${left.size} of ${clients.length}`,
    30_000,
  );
}
