import { expect } from "bun:test";
import type { Address } from "../../src/base/address.ts";
import type { End } from "../fixtures/end.ts";
import type { Upstream } from "../fixtures/upstream.ts";
import { median } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

/**
 * Nagle's algorithm against delayed acknowledgements costs 40 ms at each step; a relay of its own
 * costs a fraction of one. A bound between the two tells them apart on any machine.
 */
const STALL_MS = 10;
const MESSAGE_BYTES = 16 * 1024;

/** Small messages back and forth. */
export function latencyCases(suite: Suite): void {
  suite.case("one byte, 4,000 times there and back", async (scene) => {
    const upstream = await answering(scene, 1, 1);
    const client = await scene.client(await scene.listen([upstream]));
    await roundTrips(client, 4_000, 1, 1);
    client.finish();
    const relay = await scene.ended(1);
    expect(relay.reason).toBe("client_fin");
    expect(relay.up).toMatchObject({ receivedBytes: 4_000, sentBytes: 4_000 });
    expect(relay.down).toMatchObject({ receivedBytes: 4_000, sentBytes: 4_000 });
    expect(upstream.end(0)).toMatchObject({ finAfterBytes: 4_000, mismatchAt: -1 });
  });

  for (const pieces of [1, 4]) {
    suite.case(`16 KiB in ${pieces} writes, 200 times there and back, without stalls`, (scene) =>
      withoutStalls(scene, pieces),
    );
  }
}

async function withoutStalls(scene: Scene, pieces: number): Promise<void> {
  const upstream = await answering(scene, MESSAGE_BYTES, pieces);
  const proxied = await scene.listen([upstream]);
  const middle = async (address: Address) =>
    median(await roundTrips(await scene.client(address), 200, MESSAGE_BYTES, pieces));
  const direct = await middle(upstream.address);
  const through = await middle(proxied);
  expect({ direct, through, stalls: through > Math.max(20 * direct, STALL_MS) }).toEqual({
    direct,
    through,
    stalls: false,
  });
}

/** Answers each complete message with one of the same size, in as many pieces. */
function answering(scene: Scene, size: number, pieces: number): Promise<Upstream> {
  return scene.upstream((end) => {
    end.onData = (self) => {
      if (self.receivedBytes % size === 0) void inPieces(self, size, pieces);
    };
    end.onFin = (self) => void self.finish();
  });
}

/** Sends and awaits the answer, `rounds` times. Answers each round's milliseconds. */
async function roundTrips(
  client: End,
  rounds: number,
  size: number,
  pieces: number,
): Promise<number[]> {
  const times: number[] = [];
  let wake = () => {};
  client.onData = (self) => {
    if (self.receivedBytes % size === 0) wake();
  };
  client.onClose = () => wake();
  for (let round = 1; round <= rounds; round++) {
    const answered = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const startedAt = performance.now();
    void inPieces(client, size, pieces);
    await answered;
    times.push(performance.now() - startedAt);
    if (client.receivedBytes !== round * size) throw new Error(`round ${round}: ${client}`);
  }
  return times;
}

/** Writes that are a turn of the loop apart, so that each is a message of its own to the proxy. */
async function inPieces(end: End, size: number, pieces: number): Promise<void> {
  const piece = new Uint8Array(size / pieces);
  for (let index = 0; index < pieces; index++) {
    if (index > 0) await new Promise<void>((resolve) => setImmediate(resolve));
    end.send(piece);
  }
}
