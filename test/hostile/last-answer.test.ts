import { expect, test } from "bun:test";
import { End } from "../fixtures/end.ts";
import { unacknowledgedBytes } from "../fixtures/system.ts";
import { Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import { onEveryStage, startOn } from "./stages.ts";

// An upstream may answer and reset its connection at once, just when its client sends more.

const ANSWER = 20_000;

onEveryStage("last answers", (stage) => {
  test("one whose reset is met by sending arrives", async () => {
    const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, () => {});
    const { port: dialled } = upstream.address as { port: number };
    await using proxy = startOn(stage, ["-l", "127.0.0.1:0", "-u", `127.0.0.1:${dialled}`]);
    const address = { kind: "tcp", host: "127.0.0.1", port: await proxy.port() } as const;
    for (let run = 0; run < 20; run++) {
      const client = await End.connect(address, (end) => end.expects(5));
      client.send("first");
      await waitFor(() => upstream.ends.length > run, "it is dialled");
      const end = upstream.end(run);
      await waitFor(() => end.receivedBytes === 5, "the request comes");
      // What happens while the proxy stands still is there all at once when it goes on.
      proxy.child.kill("SIGSTOP");
      client.send("second");
      end.offer({ seed: 5, total: ANSWER });
      await waitFor(() => unacknowledgedBytes(end) === 0, "the proxy's kernel has the answer");
      end.reset();
      await waitFor(() => end.closed, "it is reset");
      proxy.child.kill("SIGCONT");
      await waitFor(
        () => client.closed,
        () => `run ${run}: ${client}`,
      );
      expect([run, client.receivedBytes, client.mismatchAt]).toEqual([run, ANSWER, -1]);
    }
    await proxy.stop();
    upstream.close();
  }, 30_000);
});
