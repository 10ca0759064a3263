import { expect } from "bun:test";
import { rmSync } from "node:fs";
import type { MemoryOptions } from "../../src/config/options.ts";
import { type Behaviour, echo, polite } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const small: MemoryOptions = { segmentSize: 64 * KIB, segmentCount: 32 };
const middling: MemoryOptions = { segmentSize: 64 * KIB, segmentCount: 64 };

/**
 * Promises that must hold while memory is short. Over unix sockets, because the kernel gives each
 * of them little room and never more.
 */
export function shortageCases(suite: Suite): void {
  suite.case("an empty pool does not freeze 32 clients that echo 4 MiB each", crowd, {
    memory: small,
    needs: ["unix"],
  });
  suite.case(
    "300 chatty clients at once, far more than segments, are all answered again and again",
    chatty,
    {
      memory: small,
    },
  );
  suite.case("a stop does not cut an answer short that waits for memory", answerWaits, {
    memory: middling,
    needs: ["unix"],
  });
  suite.case("accepting pauses and resumes at a unix listener whose path is gone", pathGone, {
    memory: small,
    needs: ["unix"],
  });
}

/** Sends back what comes, and reads no more while its answers are not taken. */
const measuredEcho: Behaviour = (end) => {
  echo(end);
  end.onData = (self, bytes) => {
    self.send(Buffer.from(bytes));
    if (!self.drained) self.pause();
  };
  end.onDrained = (self) => void self.resume();
};

async function crowd(scene: Scene): Promise<void> {
  const total = 4 * MIB;
  const upstream = await scene.upstream(measuredEcho, "unix");
  const address = await scene.listen([upstream], { address: await scene.place("unix") });
  for (let seed = 0; seed < 32; seed++) {
    (await scene.pair(address, upstream)).client.expects(seed);
  }
  const { clients } = scene;
  for (const [seed, client] of clients.entries()) client.offer({ seed, total }).finish();
  await waitFor(
    () => clients.every((client) => client.finSeen),
    () => `every echo is complete: ${clients.join("; ")}`,
    20_000,
  );
  for (const client of clients) {
    expect(client).toMatchObject({ finAfterBytes: total, mismatchAt: -1 });
  }
  expect(scene.record.poolEmptyCount).toBeGreaterThan(0);
  await scene.ended(32);
  expect(new Set(scene.record.reasons)).toEqual(new Set(["client_fin"]));
}

/** Small messages that come all at once must not stop anybody, even where each takes a segment. */
async function chatty(scene: Scene): Promise<void> {
  const upstream = await scene.upstream(echo);
  const address = await scene.listen([upstream]);
  for (let index = 0; index < 300; index++) await scene.client(address);
  const { clients } = scene;
  for (let round = 1; round <= 10; round++) {
    for (const client of clients) client.send("ping");
    await waitFor(
      () => clients.every((client) => client.receivedBytes === 4 * round),
      () => `round ${round} is answered: ${clients.find((one) => one.receivedBytes < 4 * round)}`,
    );
  }
}

async function answerWaits(scene: Scene): Promise<void> {
  const upstream = await scene.upstream(polite, "unix");
  const address = await scene.listen([upstream], { address: await scene.place("unix") });
  const { client, end } = await scene.pair(address, upstream);
  const idle = await scene.pair(address, upstream);
  client.keeps = true;
  client.send("?");
  end.send("the first part, ");
  await waitFor(() => client.receivedBytes === 16, "the first part is there");
  for (let index = 0; index < 64; index++) (await scene.pair(address, upstream)).client.pause();
  for (const one of upstream.ends.slice(2)) one.offer({ seed: 1, total: 64 * MIB });
  await waitFor(() => scene.record.poolEmptyCount > 0, "the pool is empty");
  end.send("and the rest");
  const stopped = scene.engine.stop(120_000);
  await waitFor(() => idle.client.finSeen, "the idle one is let go");
  // An engine that had memory left for it may have ended it, too.
  expect(client.finSeen && client.receivedBytes < 28).toBe(false);
  for (const one of scene.clients.slice(2)) one.reset();
  await waitFor(() => client.receivedBytes === 28, "all of the answer is there");
  client.finish();
  expect(await stopped).toBe(0);
  expect(client.text).toBe("the first part, and the rest");
}

async function pathGone(scene: Scene): Promise<void> {
  const total = 2 * MIB;
  const upstream = await scene.upstream(polite, "unix");
  const address = await scene.listen([upstream], { address: await scene.place("unix") });
  if (address.kind !== "unix") throw new Error("a unix listener answers a unix address");
  for (let seed = 0; seed < 80; seed++) {
    const { end } = await scene.pair(address, upstream);
    end.expects(seed).pause();
  }
  rmSync(address.path);
  const { clients, record } = scene;
  for (const [seed, client] of clients.entries()) client.offer({ seed, total }).finish();
  await waitFor(() => record.acceptPausedCount > 0, "accepting pauses");
  const { ends } = upstream;
  for (const end of ends) end.resume();
  await waitFor(
    () => ends.every((end) => end.finSeen),
    () => `everything is delivered: ${ends.join("; ")}`,
  );
  for (const end of ends) expect(end).toMatchObject({ finAfterBytes: total, mismatchAt: -1 });
  await waitFor(() => record.acceptResumedCount === record.acceptPausedCount, "it resumes");
}
