import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { End } from "../fixtures/end.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import { onBothEngines, startOn } from "../hostile/stages.ts";

// Addresses that stand for all, for one, and names, on one port.

setDefaultTimeout(30_000);

let upstream: Upstream;
let target = "";

beforeAll(() => {
  upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
  if (upstream.address.kind === "tcp") target = `127.0.0.1:${upstream.address.port}`;
});

afterAll(() => upstream.close());

/** A port that is free on all addresses. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "::", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function served(host: string, port: number): Promise<void> {
  const end = await End.connect({ kind: "tcp", host, port });
  end.send("x");
  await waitFor(() => end.receivedBytes === 1, `an echo at ${host}`);
  end.finish();
}

onBothEngines("one port", (stage) => {
  test("all IPv4 addresses, all addresses, and a certain one are listened on together", async () => {
    const port = freePort();
    const listen = ["0.0.0.0", "[::]", "127.0.0.1"].flatMap((host) => ["-l", `${host}:${port}`]);
    await using proxy = startOn(stage, [...listen, "-u", target]);
    await proxy.logged(new RegExp(`listening on 127.0.0.1:${port}`));
    for (const host of ["127.0.0.1", "127.0.0.2", "::1"]) await served(host, port);
    expect((await proxy.stop()).code).toBe(0);
  });

  test("a name listens on all of its addresses, by one port", async () => {
    await using proxy = startOn(stage, ["-l", "localhost:0", "-u", target]);
    const port = await proxy.port();
    // On some machines that is 127.0.0.1 alone.
    const hosts = await Bun.dns.lookup("localhost", { backend: "getaddrinfo" });
    for (const { address } of hosts) await served(address, port);
    expect((await proxy.stop()).code).toBe(0);
  });

  test("a second program is refused on whatever the first one listens on", async () => {
    const port = freePort();
    await using first = startOn(stage, ["-l", `127.0.0.1:${port}`, "-u", target]);
    await first.port();
    for (const host of ["127.0.0.1", "localhost", "0.0.0.0"]) {
      await using second = startOn(stage, ["-l", `${host}:${port}`, "-u", target]);
      const { code, err } = await second.finished();
      expect(code).toBe(1);
      expect(err).toContain("the port is in use already\n");
    }
    await first.stop();
  });

  test("the very same address by two listeners is refused, and the message says whose it is", async () => {
    const port = freePort();
    const listen = ["-l", `127.0.0.1:${port}`, "-l", `localhost:${port}`];
    await using proxy = startOn(stage, [...listen, "-u", target]);
    const { code, err } = await proxy.finished();
    expect(code).toBe(1);
    expect(err).toContain(`in use already, by this proxy's own listener 127.0.0.1:${port}`);
  });
});
