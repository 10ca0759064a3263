import { expect } from "bun:test";
import type { End } from "../fixtures/end.ts";
import { sendUrgent, TcpOption, tcpOption, tcpSockets } from "../fixtures/socket-options.ts";
import { sink } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Kind } from "./scene.ts";
import type { Suite } from "./suite.ts";

/** What kernels are told about a relay's connections. */
export function optionCases(suite: Suite): void {
  keepAliveCases(suite);
  urgentCases(suite);
}

function portOf(address: object): number {
  return "port" in address ? Number(address.port) : 0;
}

function keepAliveCases(suite: Suite): void {
  const name = "keep-alive and the user timeout are the same at both ends";
  const body: Parameters<Suite["case"]>[1] = async (scene) => {
    const upstream = await scene.upstream(sink);
    const address = await scene.listen([upstream], {
      keepAliveMs: 2_000,
      keepAliveIntervalMs: 3_000,
      keepAliveProbes: 4,
      tcpUserTimeoutMs: 5_678,
    });
    await scene.pair(address, upstream);
    const [listening, dialled] = [portOf(address), portOf(upstream.address)];
    const isOurs = ({ own, other }: { own: number; other: number }) =>
      other === dialled || (own === listening && other !== 0);
    const ends = () => tcpSockets().filter(isOurs);
    expect(ends()).toHaveLength(2);
    const all = () =>
      ends().map(({ descriptor }) => [
        tcpOption(descriptor, TcpOption.keepAlive),
        tcpOption(descriptor, TcpOption.keepIdle),
        tcpOption(descriptor, TcpOption.keepInterval),
        tcpOption(descriptor, TcpOption.keepCount),
        tcpOption(descriptor, TcpOption.userTimeout),
      ]);
    const wanted = [1, 2, 3, 4, 5_678];
    const isSet = () => JSON.stringify(all()) === JSON.stringify([wanted, wanted]);
    await waitFor(isSet, () => `both have them: ${JSON.stringify(all())}`);
  };
  suite.case(name, body, { linux: true });

  suite.case(
    "nothing is told where both are off",
    async (scene) => {
      const upstream = await scene.upstream(sink);
      const address = await scene.listen([upstream], { keepAliveMs: 0, tcpUserTimeoutMs: 0 });
      await scene.pair(address, upstream);
      const dialled = portOf(upstream.address);
      const [end] = tcpSockets().filter(({ other }) => other === dialled);
      expect(tcpOption(end?.descriptor ?? -1, TcpOption.keepAlive)).toBe(0);
      expect(tcpOption(end?.descriptor ?? -1, TcpOption.userTimeout)).toBe(0);
    },
    { linux: true },
  );
}

function urgentCases(suite: Suite): void {
  for (const kind of ["tcp4", "unix"] as const satisfies readonly Kind[]) {
    suite.case(
      `an urgent byte arrives in its place, both ways: ${kind}`,
      async (scene) => {
        const upstream = await scene.upstream((end) => {
          end.keeps = true;
        }, kind);
        const address = await scene.listen([upstream], { address: await scene.place(kind) });
        const { client, end } = await scene.pair(address, upstream);
        client.keeps = true;
        for (const [from, to] of [
          [client, end],
          [end, client],
        ] as const) {
          from.send("ab");
          await waitFor(() => textOf(to) === "ab", "what is before it comes");
          expect(sendUrgent(from.fd, "!")).toBe(1);
          await waitFor(
            () => textOf(to).length === 3,
            () => `it comes: ${textOf(to)}`,
          );
          from.send("cd");
          await waitFor(() => textOf(to).length === 5, "what is behind it comes");
          expect(textOf(to)).toBe("ab!cd");
        }
      },
      { linux: true },
    );
  }
}

function textOf(end: End): string {
  return Buffer.concat(end.chunks).toString();
}
