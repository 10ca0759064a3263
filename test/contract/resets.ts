import { expect } from "bun:test";
import type { End } from "../fixtures/end.ts";
import { Pattern } from "../fixtures/pattern.ts";
import { unacknowledgedBytes } from "../fixtures/system.ts";
import { echo, sink } from "../fixtures/upstream.ts";
import { waitFor, waitForStandstill } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

const MIB = 1024 * 1024;

/** Rule 4, second half, and rule 5: RST travels as RST and touches nobody else. */
export function resetCases(suite: Suite): void {
  for (const kind of ["tcp4", "tcp6"] as const) {
    suite.case(`${kind}: either end's RST reaches the other`, (s) => eitherReset(s, kind), {
      needs: [kind],
    });
  }

  suite.case("an upstream's RST after the client's FIN", async (scene) => {
    const upstream = await scene.upstream((end) => {
      end.onFin = (self) => self.reset();
    });
    const client = (await scene.client(await scene.listen([upstream]))).finish();
    expect((await scene.ended(1)).reason).toBe("upstream_reset");
    await waitFor(
      () => client.wasReset,
      () => `the client is reset: ${client}`,
    );
  });

  suite.case("a client's RST after the upstream's FIN", async (scene) => {
    const upstream = await scene.upstream((end) => void end.finish());
    const client = await scene.client(await scene.listen([upstream]), (end) => {
      end.onFin = (self) => self.reset();
    });
    expect((await scene.ended(1)).reason).toBe("client_reset");
    await waitFor(() => client.closed && upstream.end(0).wasReset, "the upstream is reset");
  });

  suite.case("many last answers, each followed by a RST, all arrive", lastAnswers, { linux: true });
  suite.case("many last requests, each followed by a RST, all arrive", lastRequests);

  for (const way of ["up", "down"] as const) {
    const whom = way === "up" ? "request to an upstream" : "answer to a client";
    suite.case(`a last ${whom} that reads late arrives before the RST`, (s) => lateReader(s, way), {
      linux: true,
    });
  }

  for (const way of ["up", "down"] as const) {
    suite.case(`${way}: bytes that wait in the proxy when their source resets arrive`, (s) =>
      queuedBytes(s, way),
    );
  }

  const stalls = [
    "client resets, upstream stalled",
    "upstream resets, client stalled",
    "stalled upstream resets",
    "stalled client resets",
  ] as const;
  for (const name of stalls) suite.case(`${name}: noticed, both let go`, (s) => stalled(s, name));

  suite.case("resets and refusals leave 20 neighbours alone", neighbours, { linux: true });
}

async function eitherReset(scene: Scene, kind: "tcp4" | "tcp6"): Promise<void> {
  const upstream = await scene.upstream(echo, kind);
  const address = await scene.listen([upstream], { address: await scene.place(kind) });
  const first = await scene.pair(address, upstream);
  first.client.send("some bytes before");
  await waitFor(() => first.client.receivedBytes === 17, "the relay works");
  first.client.reset();
  expect((await scene.ended(1)).reason).toBe("client_reset");
  await waitFor(() => first.end.closed, "the upstream is let go");
  expect(first.end.closeCode).toBe("ECONNRESET");

  const second = await scene.pair(address, upstream);
  second.end.reset();
  expect((await scene.ended(2)).reason).toBe("upstream_reset");
  await waitFor(() => second.client.closed, "the client is let go");
  expect(second.client.closeCode).toBe("ECONNRESET");
}

/**
 * The answer that explains why an upstream hangs up is the last thing that may be lost; HAProxy and
 * nginx lose it. Small answers leave together with the RST; of the large ones the upstream's system
 * keeps a part until the proxy's has room, so the RST waits until that was taken (as RSTs do that a
 * program sends by closing with unread requests).
 */
async function lastAnswers(scene: Scene): Promise<void> {
  const sizes = [1, 1000, 32 * 1024, 100 * 1024];
  const upstream = await scene.upstream((end) => {
    end.onData = (self, bytes) => {
      const total = sizes[bytes[0] ?? 0] ?? 0;
      self.offer({ seed: 5, total });
      void resetWhenTaken(self, total <= 32 * 1024);
    };
  });
  const address = await scene.listen([upstream]);
  const runs = scene.times(200);
  const lost: string[] = [];
  for (let run = 0; run < runs; run++) {
    const choice = run % sizes.length;
    const client = await scene.client(address, (end) => end.expects(5));
    client.send(new Uint8Array([choice]));
    await waitFor(
      () => client.closed,
      () => `run ${run}: the client is let go: ${client}`,
    );
    const intact = client.receivedBytes === sizes[choice] && client.mismatchAt < 0;
    if (!intact || client.closeCode !== "ECONNRESET") lost.push(`run ${run}: ${client}`);
  }
  expect(lost).toEqual([]);
  await scene.ended(runs);
  expect(scene.engine.stats().relays.reasons).toEqual({ upstream_reset: runs });
}

async function resetWhenTaken(end: End, atOnce: boolean): Promise<void> {
  if (!atOnce) {
    const taken = () => end.closed || (end.drained && unacknowledgedBytes(end) === 0);
    await waitFor(taken, "the proxy's system has the answer");
  }
  end.reset();
}

async function lastRequests(scene: Scene): Promise<void> {
  const upstream = await scene.upstream((end) => void end.expects(6));
  const address = await scene.listen([upstream]);
  const runs = scene.times(200);
  const lost: string[] = [];
  for (let run = 0; run < runs; run++) {
    const { client, end } = await scene.pair(address, upstream);
    const total = run % 2 === 0 ? 100 : 32 * 1024;
    client.offer({ seed: 6, total }).reset();
    await waitFor(
      () => end.closed,
      () => `run ${run}: the upstream is let go: ${end}`,
    );
    if (end.receivedBytes !== total || end.mismatchAt >= 0) lost.push(`run ${run}: ${end}`);
  }
  expect(lost).toEqual([]);
  await scene.ended(runs);
  expect(scene.engine.stats().relays.reasons).toEqual({ client_reset: runs });
}

/**
 * A target across a real network takes its bytes later than one on this machine: when the RST
 * comes, they still wait in the proxy, or in its system, which forgets them if the proxy resets too early.
 */
async function lateReader(scene: Scene, way: "up" | "down"): Promise<void> {
  const upstream = await scene.upstream(sink);
  const address = await scene.listen([upstream]);
  const seen: Record<number, string> = {};
  const sizes = [1000, 100 * 1024, 256 * 1024, MIB];
  for (const total of sizes) {
    const { client, end } = await scene.pair(address, upstream);
    const [source, target] = way === "up" ? [client, end] : [end, client];
    target.expects(7).pause();
    source.offer({ seed: 7, total });
    await resetWhenTaken(source, false);
    // How late it reads; well below any stall timeout.
    await Bun.sleep(100);
    target.resume();
    await waitFor(
      () => target.closed,
      () => `the target is let go: ${target}`,
    );
    const { receivedBytes, mismatchAt, wasReset } = target;
    const intact = receivedBytes === total && mismatchAt < 0 && wasReset;
    seen[total] = intact ? "intact" : String(target);
  }
  expect(seen).toEqual(Object.fromEntries(sizes.map((total) => [total, "intact"])));
}

/** Small steps until the target takes no more and the proxy itself holds the last step. */
async function queuedBytes(scene: Scene, way: "up" | "down"): Promise<void> {
  const upstream = await scene.upstream(sink);
  const { client, end } = await scene.pair(await scene.listen([upstream]), upstream);
  const [source, target] = way === "up" ? [client, end] : [end, client];
  target.expects(8).pause();
  const pattern = new Pattern(8);
  const flow = () => scene.engine.stats()[way];
  let total = 0;
  while (flow().sentBytes === total) {
    const step = pattern.view(total, 128 * 1024);
    total += step.length;
    source.send(step);
    const received = () => `the proxy has received ${total}: ${JSON.stringify(flow())}`;
    await waitFor(() => flow().receivedBytes === total, received);
  }
  source.reset();
  await waitFor(() => source.closed, "the source is gone");
  await Bun.sleep(50);
  target.resume();
  await waitFor(
    () => target.closed,
    () => `the target is let go: ${target}`,
  );
  expect(target).toMatchObject({ receivedBytes: total, mismatchAt: -1, wasReset: true });
  const relay = await scene.ended(1);
  expect(relay.reason).toBe(way === "up" ? "client_reset" : "upstream_reset");
  expect(relay[way].lostBytes).toBe(0);
}

/**
 * One end offers without end, the other never reads, so the proxy reads neither; then one of them
 * resets. HAProxy and nginx keep such a relay until a timeout.
 */
async function stalled(scene: Scene, how: string): Promise<void> {
  const clientOffers = how === "client resets, upstream stalled" || how.startsWith("stalled up");
  const upstream = await scene.upstream(sink);
  const address = await scene.listen([upstream]);
  const { client, end } = await scene.pair(address, upstream);
  const [source, target] = clientOffers ? [client, end] : [end, client];
  target.pause();
  source.offer({ seed: 1, total: 1024 * MIB });
  await waitForStandstill(() => source.sentBytes, "what the source sends");
  expect(source.drained).toBe(false);
  const clientResets = how === "client resets, upstream stalled" || how === "stalled client resets";
  (clientResets ? client : end).reset();
  expect((await scene.ended(1)).reason).toBe(clientResets ? "client_reset" : "upstream_reset");
  await waitFor(
    () => client.closed && end.closed,
    () => `both are let go: ${client}; ${end}`,
  );
  await waitFor(() => scene.engine.stats().memory.segmentsLeased === 0, "all segments are back");
}

async function neighbours(scene: Scene): Promise<void> {
  const upstream = await scene.upstream(echo);
  const address = await scene.listen([upstream]);
  const refused = await scene.listen([scene.refusing()]);
  const rude = await scene.upstream((end) => {
    end.onData = (self) => self.reset();
  });
  const resetting = await scene.listen([rude]);
  const total = 2 * MIB;
  const echoing: End[] = [];
  for (let seed = 0; seed < 20; seed++) {
    const client = await scene.client(address, (end) => end.expects(seed));
    client.offer({ seed, total, size: () => 10_000, breathe: () => 0 });
    echoing.push(client);
  }
  for (let round = 0; round < 20; round++) {
    (await scene.client(address)).send("x".repeat(1000)).reset();
    (await scene.client(resetting)).send("y".repeat(1000));
    await scene.client(refused);
  }
  await scene.ended(60);
  await waitFor(
    () => echoing.every((client) => client.receivedBytes === total),
    () => `every neighbour has its echo: ${echoing.map(String).join("; ")}`,
  );
  expect(echoing.filter((client) => client.mismatchAt >= 0 || client.closed)).toEqual([]);
}
