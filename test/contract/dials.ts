import { expect } from "bun:test";
import { type Address, formatAddress } from "../../src/base/address.ts";
import type { Reason } from "../../src/base/reason.ts";
import { listenerDefaults } from "../../src/config/defaults.ts";
import { Pattern } from "../fixtures/pattern.ts";
import { descriptorsSince, openDescriptors } from "../fixtures/proc.ts";
import { echo, sink, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

const MIB = 1024 * 1024;
/** Longer than any case may take: who ends before did not wait for it. */
const NEVER_MS = 120_000;

/** Upstreams that refuse, cannot be reached or do not answer, and clients that do not wait. */
export function dialCases(suite: Suite): void {
  failureCases(suite);
  choiceCases(suite);
  earlyCases(suite);
}

function failureCases(suite: Suite): void {
  suite.case("a refusing upstream closes the client at once", (scene) =>
    fails(scene, scene.refusing(), ["connect_refused"]),
  );

  suite.case("a missing unix socket closes the client at once", async (scene) =>
    fails(scene, await scene.place("unix"), ["connect_refused"]),
  );

  suite.case("an unreachable upstream closes the client at once", (scene) =>
    // No TCP connection goes to a multicast group: ENETUNREACH. Bun calls that ECONNREFUSED.
    fails(scene, { kind: "tcp", host: "224.0.0.1", port: 9 }, [
      "connect_unreachable",
      "connect_refused",
    ]),
  );

  suite.case("a host name without address closes the client at once", (scene) =>
    // A label of more than 63 letters: no name service has to be asked, so none can be slow.
    fails(scene, { kind: "tcp", host: `${"x".repeat(70)}.invalid`, port: 9 }, [
      "connect_unresolved",
    ]),
  );

  suite.case(
    "an upstream that does not answer is given up after the connect timeout",
    async (scene) => {
      const echoing = await scene.upstream(echo);
      const neighbour = await scene.client(await scene.listen([echoing]));
      const silent = await scene.silent();
      const address = await scene.listen([silent.address], { connectTimeoutMs: 200 });
      const client = await scene.client(address);
      await waitFor(async () => (await scene.engine.relays()).length === 2, "both relays run");
      neighbour.send("meanwhile");
      await waitFor(() => neighbour.receivedBytes === 9, "the neighbour is served meanwhile");
      const relay = await scene.ended(1);
      expect(relay.reason).toBe("connect_timeout");
      expect(relay.durationMs).toBeGreaterThanOrEqual(190);
      expect(relay.durationMs).toBeLessThan(5_000);
      await waitFor(() => client.closed || client.finSeen, "the client is let go");
    },
    { linux: true },
  );

  suite.case("a dial that was given up holds no descriptor", givenUp, { linux: true });
}

/** Whoever dials a dead upstream again and again must not run out of descriptors by that. */
async function givenUp(scene: Scene): Promise<void> {
  const silent = await scene.silent();
  const address = await scene.listen([silent.address], { connectTimeoutMs: 100 });
  const before = openDescriptors();
  for (let round = 0; round < 10; round++) await scene.client(address);
  await scene.ended(10);
  await waitFor(() => scene.clients.every((one) => one.closed || one.finSeen), "all are let go");
  for (const client of scene.clients) client.reset();
  const left = () => `no descriptor is left (${descriptorsSince(before)})`;
  await waitFor(() => descriptorsSince(before) === "", left, 3000);
}

/** One upstream that cannot be dialled: the client is let go for this reason, neighbours live. */
async function fails(scene: Scene, upstream: Address, reasons: readonly Reason[]): Promise<void> {
  const echoing = await scene.upstream(echo);
  const neighbour = await scene.client(await scene.listen([echoing]));
  const address = await scene.listen([upstream], { connectTimeoutMs: NEVER_MS });
  const client = await scene.client(address);
  const relay = await scene.ended(1);
  await waitFor(() => client.closed || client.finSeen, "the client is let go");
  expect(relay.reason).toBeOneOf([...reasons]);
  expect(relay.dials).toBe(1);
  expect(scene.record.dialsFailed).toHaveLength(1);
  expect(scene.record.dialsFailed[0]).toMatchObject({
    upstream: formatAddress(upstream),
    reason: relay.reason as Reason,
  });
  neighbour.send("unharmed");
  await waitFor(() => neighbour.receivedBytes === 8, "the neighbour is unharmed");
}

function choiceCases(suite: Suite): void {
  suite.case("two upstreams take turns", async (scene) => {
    const upstreams = [await scene.upstream(echo), await scene.upstream(echo)];
    const address = await scene.listen(upstreams);
    for (let round = 0; round < 10; round++) {
      const client = await scene.client(address);
      client.send("x");
      await waitFor(() => client.receivedBytes === 1, "the echo is here");
    }
    expect(upstreams.map((upstream) => upstream.ends.length)).toEqual([5, 5]);
    const named = (await scene.engine.relays()).map((relay) => relay.upstream);
    expect(named.slice(0, 2)).toEqual(upstreams.map((one) => formatAddress(one.address)));
  });

  suite.case("the other upstream is used when the first refuses", async (scene) => {
    const echoing = await scene.upstream(echo);
    const refusing = scene.refusing();
    const address = await scene.listen([refusing, echoing]);
    for (let round = 0; round < 10; round++) {
      const client = await scene.client(address);
      client.send("early bytes go to the second");
      await waitFor(() => client.receivedBytes === 28, "the echo is here");
    }
    expect((await scene.engine.relays()).map((relay) => relay.dials)).toEqual([
      2, 1, 2, 1, 2, 1, 2, 1, 2, 1,
    ]);
    expect(scene.record.dialsFailed.map((failed) => failed.upstream)).toEqual(
      Array.from({ length: 5 }, () => formatAddress(refusing)),
    );
  });

  suite.case("the only upstream is tried again after a pause, so many times", async (scene) => {
    const refusing = scene.refusing();
    const dial = { ...listenerDefaults.dial, retries: 2, retryPauseMs: 100 };
    const address = await scene.listen([refusing], { dial });
    const client = await scene.client(address);
    const relay = await scene.ended(1);
    expect(relay).toMatchObject({ reason: "connect_refused", dials: 3 });
    expect(relay.durationMs).toBeGreaterThanOrEqual(140);
    await waitFor(() => client.closed || client.finSeen, "the client is let go");
  });

  suite.case(
    "an upstream that comes back meanwhile gets the client that tries again",
    async (scene) => {
      const refusing = scene.refusing();
      const dial = { ...listenerDefaults.dial, tries: 1, retries: 100, retryPauseMs: 50 };
      const address = await scene.listen([refusing], { dial });
      const client = (await scene.client(address)).send("patience");
      await waitFor(() => scene.record.dialsFailed.length > 0, "it was refused once");
      scene.free(refusing);
      const upstream = Upstream.listen(refusing, echo);
      try {
        await waitFor(() => client.receivedBytes === 8, "the echo is here");
      } finally {
        client.reset();
        await scene.ended(1);
        upstream.close();
      }
    },
  );
}

function earlyCases(suite: Suite): void {
  suite.case("1 MiB sent at once after connecting arrives first and intact", async (scene) => {
    const upstream = await scene.upstream((end) => void end.expects(1));
    const address = await scene.listen([upstream]);
    const client = await scene.client(address, (end) => end.offer({ seed: 1, total: MIB }));
    await waitFor(() => upstream.ends[0]?.receivedBytes === MIB, "the upstream has 1 MiB");
    expect(upstream.end(0).mismatchAt).toBe(-1);
    expect(client.closed).toBe(false);
  });

  suite.case("clients of a slow dial: bytes, FIN and RST before it succeeds", slowDial, {
    linux: true,
  });

  suite.case(
    "a client that resets while its dial hangs is let go at once",
    async (scene) => {
      const silent = await scene.silent();
      const address = await scene.listen([silent.address], { connectTimeoutMs: NEVER_MS });
      for (const early of ["", "some early bytes"]) {
        const client = await scene.client(address);
        client.send(early);
        await waitFor(async () => (await scene.engine.relays()).length === 1, "the relay runs");
        client.reset();
        await waitFor(
          async () => (await scene.engine.relays()).length === 0,
          "the relay has ended",
        );
      }
      expect(scene.record.reasons).toEqual(["client_reset", "client_reset"]);
    },
    { linux: true },
  );

  suite.case(
    "a client may flood a hanging dial: it is not read beyond its limit",
    async (scene) => {
      const silent = await scene.silent();
      const address = await scene.listen([silent.address], { connectTimeoutMs: 3000 });
      const client = await scene.client(address);
      client.offer({ seed: 1, total: 1024 * MIB });
      const relay = await scene.ended(1);
      expect(relay.reason).toBe("connect_timeout");
      expect(client.drained).toBe(false);
      expect(relay.up.receivedBytes).toBeLessThanOrEqual(4 * MIB);
      expect(relay.up.lostBytes).toBe(relay.up.receivedBytes);
    },
    { linux: true },
  );
}

/**
 * Three clients wait for the same slow upstream. The system sends a SYN again after a second, so
 * that is how long this takes.
 */
async function slowDial(scene: Scene): Promise<void> {
  const silent = await scene.silent();
  const address = await scene.listen([silent.address], { connectTimeoutMs: NEVER_MS });
  const patient = await scene.client(address, (end) => end.expects(2));
  // A piece alone and the rest later: what comes unasked in between is kept too.
  patient.send(new Pattern(1).view(0, 1000));
  const received = async () => (await scene.engine.relays())[0]?.up.receivedBytes ?? 0;
  await waitFor(async () => (await received()) === 1000, "the first piece waits");
  for (let from = 1000; from < MIB; from += 1000) {
    patient.send(new Pattern(1).view(from, Math.min(1000, MIB - from)));
  }
  await waitFor(async () => (await received()) > 1000, "and more than it");
  const ending = await scene.client(address, (end) => end.expects(2));
  ending.offer({ seed: 1, total: 1000 }).finish();
  const leaving = await scene.client(address);
  await waitFor(
    async () => (await scene.engine.relays()).length === 3,
    "three relays are dialling",
  );
  leaving.send("never delivered").reset();
  expect(await scene.ended(1)).toMatchObject({ id: 3, reason: "client_reset" });

  const upstream = silent.awake((end) => {
    sink(end);
    end.expects(1).offer({ seed: 2, total: 5000 });
    end.onFin = (self) => void self.offer({ seed: 2, total: 0 }).finish();
  });
  await waitFor(
    () => ending.finSeen,
    () => `the one that ended is served: ${ending}`,
    20_000,
  );
  expect(ending).toMatchObject({ finAfterBytes: 5000, mismatchAt: -1, closeCode: null });
  expect(await scene.ended(2)).toMatchObject({ id: 2, reason: "client_fin" });
  const patientBytes = () => upstream.ends.some((end) => end.receivedBytes === MIB);
  await waitFor(patientBytes, "the patient one's bytes are all here", 20_000);
  await waitFor(() => patient.receivedBytes === 5000, "and its answer");
  expect(upstream.ends.filter((end) => end.mismatchAt >= 0)).toEqual([]);
  expect(patient.mismatchAt).toBe(-1);
}
