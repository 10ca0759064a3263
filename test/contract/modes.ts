import { expect } from "bun:test";
import { echo, polite } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Suite } from "./suite.ts";

const MIB = 1024 * 1024;

/** Modes `oneway` and `sink`; all other cases are about `bidirectional`. */
export function modeCases(suite: Suite): void {
  suite.case(
    "oneway: bytes and FIN go up, nothing comes down and nothing stalls",
    async (scene) => {
      const upstream = await scene.upstream((end) => {
        // More than all buffers on the way hold: it gets rid of them only if somebody reads them.
        end.expects(1).offer({ seed: 2, total: 64 * MIB });
        end.onFin = (self) => void self.finish();
      });
      const address = await scene.listen([upstream], { mode: "oneway" });
      const client = await scene.client(address);
      client.offer({ seed: 1, total: 4 * MIB });
      await waitFor(() => upstream.ends[0]?.drained === true, "the upstream is rid of its bytes");
      await waitFor(() => upstream.end(0).receivedBytes === 4 * MIB, "the client's bytes are up");
      client.finish();
      await waitFor(() => upstream.end(0).finSeen, "the client's FIN is up");
      await waitFor(() => client.finSeen, "the upstream's FIN is down");
      expect(upstream.end(0)).toMatchObject({ finAfterBytes: 4 * MIB, mismatchAt: -1 });
      expect(client).toMatchObject({ receivedBytes: 0, closeCode: null });
      const relay = await scene.ended(1);
      expect(relay.reason).toBe("client_fin");
      expect(relay.up).toMatchObject({ receivedBytes: 4 * MIB, sentBytes: 4 * MIB, lostBytes: 0 });
      const discardedBytes = 64 * MIB;
      expect(relay.down).toMatchObject({ receivedBytes: discardedBytes, discardedBytes });
      expect(relay.down).toMatchObject({ sentBytes: 0, lostBytes: 0 });
    },
  );

  suite.case("oneway: an echoing upstream's answers do not reach the client", async (scene) => {
    const upstream = await scene.upstream(echo);
    const client = await scene.client(await scene.listen([upstream], { mode: "oneway" }));
    client.send("hello").finish();
    expect((await scene.ended(1)).reason).toBe("client_fin");
    expect(client.receivedBytes).toBe(0);
    expect(upstream.end(0).receivedBytes).toBe(5);
  });

  suite.case("oneway: resets travel both ways", async (scene) => {
    const upstream = await scene.upstream(polite);
    const address = await scene.listen([upstream], { mode: "oneway" });
    const first = await scene.pair(address, upstream);
    first.client.reset();
    expect((await scene.ended(1)).reason).toBe("client_reset");
    await waitFor(() => first.end.wasReset, "the upstream is reset");
    const second = await scene.pair(address, upstream);
    second.end.reset();
    expect((await scene.ended(2)).reason).toBe("upstream_reset");
    await waitFor(() => second.client.wasReset, "the client is reset");
  });

  suite.case("sink: bytes are taken and counted, FIN is answered by FIN", async (scene) => {
    const address = await scene.listen([], { mode: "sink" });
    const client = await scene.client(address);
    client.offer({ seed: 1, total: 64 * MIB });
    await waitFor(() => client.drained, "the sink takes everything");
    expect(client.finSeen || client.closed).toBe(false);
    client.finish();
    const relay = await scene.ended(1);
    await waitFor(() => client.closed, "the client is let go");
    expect(client).toMatchObject({ receivedBytes: 0, finAfterBytes: 0, closeCode: null });
    expect(relay).toMatchObject({ reason: "client_fin", upstream: null, dials: 0 });
    const discardedBytes = 64 * MIB;
    expect(relay.up).toMatchObject({ receivedBytes: discardedBytes, discardedBytes });
    expect(relay.up).toMatchObject({ sentBytes: 0, lostBytes: 0 });
  });

  suite.case("sink: a client that resets is a client_reset", async (scene) => {
    const client = await scene.client(await scene.listen([], { mode: "sink" }));
    client.send("some bytes");
    await waitFor(() => scene.engine.stats().up.receivedBytes === 10, "they were taken");
    client.reset();
    expect((await scene.ended(1)).reason).toBe("client_reset");
  });
}
