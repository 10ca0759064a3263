import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { isHalted } from "../fixtures/proc.ts";
import { waitFor } from "../fixtures/wait.ts";
import { headerV2, ipv4Addresses } from "./headers.ts";
import { onBothEngines, startOn } from "./stages.ts";

// Clients that do not say who they are, where a PROXY header is to say it.

const SILENT = 280;
const RIGHT = 20;
const CROWD = 400;
/** Of all clients, those that have said who they are. */
let spoken = 0;

/** A connection; resolves when it is open, or let go before. */
function open(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => resolve(socket));
    socket.once("connect", () => resolve(socket));
  });
}

/** A client that says who it is and asks. @returns it, and its answer; null when it is let go */
async function served(port: number, host: number): Promise<readonly [Socket, string | null]> {
  const socket = await open(port);
  const header = headerV2(0x21, 0x11, ipv4Addresses(10, 0, 0, host));
  const answer = await new Promise<string | null>((resolve) => {
    socket.once("data", (data) => resolve(String(data)));
    socket.once("close", () => resolve(null));
    socket.write(Buffer.concat([header, Buffer.from("PING\r\n")]), () => spoken++);
  });
  return [socket, answer];
}

onBothEngines("clients without a header", (stage) => {
  test.each([
    ["silent ones", ""],
    ["ones that begin with one", "PROXY TCP4 10."],
  ])(
    "%s do not make a right one wait",
    async (_name, words) => {
      const edge = ["--proxy-protocol", "required", "--preamble-timeout", "1h"];
      const flags = ["-l", "127.0.0.1:0", ...edge, "--max-relays", String(RIGHT)];
      await using proxy = startOn(
        stage,
        [...flags, "--stats", "json", "--drain-timeout", "0s"],
        ["prlimit", "--nofile=300:300"],
      );
      const port = await proxy.port();
      const silent: Socket[] = [];
      const right: Socket[] = [];
      for (let round = 0; round < RIGHT; round++) {
        // Whoever was let go comes again.
        while (silent.filter(({ closed }) => !closed).length < SILENT && silent.length < 2_000) {
          const more = await Promise.all(Array.from({ length: SILENT / 4 }, () => open(port)));
          for (const socket of more) if (words !== "" && !socket.closed) socket.write(words);
          silent.push(...more);
        }
        const [socket, answer] = await served(port, round);
        expect(answer).toBe("+PONG\r\n");
        right.push(socket);
      }
      // The limit of relays is that of those who have come in.
      expect((await served(port, 250))[1]).toBe(null);
      for (const socket of [...silent, ...right]) socket.destroy();
      const { out } = await proxy.stop();
      const { reasons } = JSON.parse(out).relays;
      const { preamble_full: old = 0, descriptor_limit: young = 0 } = reasons;
      expect(old + young).toBeGreaterThan(SILENT / 2);
      expect(reasons.listener_full).toBe(1);
    },
    60_000,
  );

  // A balancer begins anew, and the proxy had something else to do meanwhile.
  test("many right ones at once are let in, all of them", async () => {
    const edge = ["--proxy-protocol", "required", "--stats", "json"];
    spoken = 0;
    const few = ["prlimit", "--nofile=2400:2400"];
    await using proxy = startOn(stage, ["-l", "127.0.0.1:0", ...edge], few);
    const port = await proxy.port();
    const { child } = proxy;
    child.kill("SIGSTOP");
    await waitFor(() => isHalted(child.pid), "it is halted");
    const all = Array.from({ length: CROWD }, (_, host) => served(port, host % 256));
    await waitFor(() => spoken === CROWD, "all have said who they are");
    child.kill("SIGCONT");
    const answers = await Promise.all(all);
    expect(answers.filter(([, answer]) => answer === "+PONG\r\n")).toHaveLength(CROWD);
    for (const [socket] of answers) socket.destroy();
    const { out } = await proxy.stop();
    expect(JSON.parse(out).relays.reasons).toEqual({ client_fin: CROWD });
  }, 60_000);
});
