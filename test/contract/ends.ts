import { expect } from "bun:test";
import type { End } from "../fixtures/end.ts";
import { type Behaviour, echo, polite, sink } from "../fixtures/upstream.ts";
import { waitFor, waitForStandstill } from "../fixtures/wait.ts";
import type { Kind, Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

const MIB = 1024 * 1024;

/** Rule 4, first half: FIN travels as FIN, after the last byte, in its own direction only. */
export function endCases(suite: Suite): void {
  for (const kind of ["tcp4", "tcp6", "unix"] as const) {
    const needs = { needs: [kind] };
    suite.case(`${kind}: client ends, 1 MiB of answer follows`, (s) => clientFirst(s, kind), needs);
    suite.case(`${kind}: upstream ends, 1 MiB follows`, (s) => upstreamFirst(s, kind), needs);
    suite.case(`${kind}: upstream speaks first`, (s) => upstreamSpeaks(s, kind), needs);
    suite.case(`${kind}: ends without a byte`, (scene) => silence(scene, kind), needs);
  }

  suite.case("both end at once, with 1 MiB each on its way", async (scene) => {
    const behave: Behaviour = (end) => {
      end.expects(1).offer({ seed: 2, total: MIB }).finish();
    };
    const upstream = await scene.upstream(behave);
    const address = await scene.listen([upstream]);
    const client = await scene.client(address, (end) => {
      end.expects(2).offer({ seed: 1, total: MIB }).finish();
    });
    const relay = await scene.ended(1);
    await waitFor(() => client.closed && upstream.end(0).closed, "both ends are closed");
    for (const end of [client, upstream.end(0)]) {
      expect(end).toMatchObject({ finAfterBytes: MIB, mismatchAt: -1, closeCode: null });
    }
    expect(relay.reason).toBeOneOf(["client_fin", "upstream_fin"]);
  });

  for (const way of ["up", "down"] as const) {
    suite.case(`${way}: FIN waits behind bytes that a stalled target has not taken`, (scene) =>
      finBehindBytes(scene, way),
    );
  }

  suite.case("a half-closed relay that stands still is given up", async (scene) => {
    const upstream = await scene.upstream(sink);
    const address = await scene.listen([upstream], { halfCloseTimeoutMs: 200 });
    const { client, end } = await scene.pair(address, upstream);
    client.finish();
    const relay = await scene.ended(1);
    expect(relay.reason).toBe("half_close_timeout");
    await waitFor(() => client.closed && end.closed, "both ends are let go");
  });
}

/**
 * Sizes in small steps, so that for some of them all bytes and the FIN are in the proxy while its
 * target takes no more.
 */
async function finBehindBytes(scene: Scene, way: "up" | "down"): Promise<void> {
  const upstream = await scene.upstream(polite);
  const address = await scene.listen([upstream]);
  const routes: { source: End; target: End; total: number }[] = [];
  for (let step = 1; step <= 32; step++) {
    const { client, end } = await scene.pair(address, upstream);
    const [source, target] = way === "up" ? [client, end] : [end, client];
    const total = step * 256 * 1024;
    target.expects(step).pause();
    source.offer({ seed: step, total }).finish();
    routes.push({ source, target, total });
  }
  const sent = () => routes.reduce((sum, { source }) => sum + source.sentBytes, 0);
  await waitForStandstill(sent, "what the sources send");
  expect(scene.engine.stats()[way].pauses).toBeGreaterThan(0);
  for (const { target } of routes) target.resume();
  await waitFor(() => routes.every(({ target }) => target.finSeen), "every FIN is here");
  for (const { target, total } of routes) {
    expect(target).toMatchObject({ finAfterBytes: total, mismatchAt: -1 });
    target.finish();
  }
  await scene.ended(routes.length);
}

async function clientFirst(scene: Scene, kind: Kind): Promise<void> {
  const upstream = await scene.upstream((end) => {
    end.expects(1);
    // Only the FIN starts the answer, so an answer proves that it came, and where it came.
    end.onFin = (self) => void self.offer({ seed: 2, total: MIB }).finish();
  }, kind);
  const address = await scene.listen([upstream], { address: await scene.place(kind) });
  const client = await scene.client(address, (end) => end.expects(2));
  client.offer({ seed: 1, total: 300_000 }).finish();
  await waitFor(
    () => client.finSeen,
    () => `the answer is here: ${client}`,
  );
  expect(client).toMatchObject({ finAfterBytes: MIB, mismatchAt: -1, closeCode: null });
  expect(upstream.end(0)).toMatchObject({ finAfterBytes: 300_000, mismatchAt: -1 });
  expect((await scene.ended(1)).reason).toBe("client_fin");
}

async function upstreamFirst(scene: Scene, kind: Kind): Promise<void> {
  const upstream = await scene.upstream((end) => {
    end.expects(1).offer({ seed: 2, total: 300_000 }).finish();
  }, kind);
  const address = await scene.listen([upstream], { address: await scene.place(kind) });
  const client = await scene.client(address, (end) => {
    end.expects(2);
    end.onFin = (self) => void self.offer({ seed: 1, total: MIB }).finish();
  });
  await waitFor(() => upstream.ends[0]?.finSeen === true, "the upstream has everything");
  expect(upstream.end(0)).toMatchObject({ finAfterBytes: MIB, mismatchAt: -1 });
  expect(client).toMatchObject({ finAfterBytes: 300_000, mismatchAt: -1 });
  const relay = await scene.ended(1);
  expect(relay.reason).toBe("upstream_fin");
  expect(upstream.end(0).closeCode).toBeNull();
}

async function upstreamSpeaks(scene: Scene, kind: Kind): Promise<void> {
  const upstream = await scene.upstream((end) => {
    end.send("220 welcome");
    echo(end);
  }, kind);
  const address = await scene.listen([upstream], { address: await scene.place(kind) });
  const client = await scene.client(address, (end) => {
    end.keeps = true;
  });
  await waitFor(() => client.text === "220 welcome", "the greeting is here, unasked");
  client.send(" and thanks");
  await waitFor(() => client.text === "220 welcome and thanks", "the echo is here");
  client.finish();
  expect((await scene.ended(1)).reason).toBe("client_fin");
}

async function silence(scene: Scene, kind: Kind): Promise<void> {
  const upstream = await scene.upstream(polite, kind);
  const address = await scene.listen([upstream], { address: await scene.place(kind) });
  const { client, end } = await scene.pair(address, upstream);
  client.finish();
  const relay = await scene.ended(1);
  await waitFor(() => client.closed && end.closed, "both ends are closed");
  expect(relay.reason).toBe("client_fin");
  expect(client).toMatchObject({ finAfterBytes: 0, closeCode: null });
  expect(end).toMatchObject({ finAfterBytes: 0, closeCode: null });
  expect(relay.up).toMatchObject({ receives: 0, receivedBytes: 0, sentBytes: 0 });
}
