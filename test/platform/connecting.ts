import { expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import type { TcpAddress } from "../../src/base/address.ts";
import { endAttempt, nextDescriptor, socketCookie } from "../../src/system/libc.ts";
import { isBlocking } from "../../src/system/linux.ts";
import { Refusing, Silent } from "../fixtures/system.ts";
import { waitFor } from "../fixtures/wait.ts";
import { accepting, loopTurns, Pair, Probe, probing } from "./probe.ts";
import { isNoDelay, keepAliveSeconds } from "./system.ts";

const linux = process.platform === "linux";

/** As `Dialer.dial` does it: nobody looks at the promise. */
function dial({ host: hostname, port }: TcpAddress): Probe {
  const probe = new Probe();
  void Bun.connect<Probe>({ hostname, port, allowHalfOpen: true, socket: probing, data: probe });
  return probe;
}

function isSocket(descriptor: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith("socket:");
  } catch {
    return false;
  }
}

/** What `Dialer` relies on. */
export function connectFacts(): void {
  test.if(linux)(
    "a refused one is told to `connectError`, and no rejection is unhandled",
    async () => {
      const refusing = Refusing.open();
      const { port } = refusing.address;
      const program = `
      const tell = (what) => process.stdout.write(what + "\\n");
      process.on("exit", (code) => tell("exit " + code));
      void Bun.connect({
        hostname: "127.0.0.1",
        port: ${port},
        socket: { data() {}, connectError: (_socket, { code }) => tell(code) },
      });`;
      const child = Bun.spawn([process.execPath, "-e", program], { stderr: "pipe" });
      const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      refusing.close();
      expect({ out, err }).toEqual({ out: "ECONNREFUSED\nexit 0\n", err: "" });
    },
  );

  test.if(linux).each(["127.0.0.1", "::1"])(
    "one to %s opens its socket before it returns, on the lowest free descriptor",
    async (hostname) => {
      const accepted = new Probe();
      using listener = Bun.listen<Probe>({
        hostname,
        port: 0,
        socket: accepting(() => accepted),
      });
      const descriptor = nextDescriptor(0);
      expect(isSocket(descriptor)).toBe(false);
      const probe = dial({ kind: "tcp", host: hostname, port: listener.port });
      expect(isSocket(descriptor)).toBe(true);
      await probe.last("open");
      expect(probe.socket.fd).toBe(descriptor);
      probe.socket.terminate();
      await waitFor(() => accepted.told.length === 2, "both ends are closed");
    },
  );

  test.if(linux)("shutdown(2) while it waits makes it fail with ECONNRESET", async () => {
    const silent = await Silent.open();
    const descriptor = nextDescriptor(0);
    const probe = dial(silent.address);
    const cookie = socketCookie(descriptor);
    if (cookie === null) throw new Error(`${descriptor} is not the descriptor of a socket`);
    // By this it is told from a socket that a ring has opened.
    expect(isBlocking(descriptor)).toBe(false);
    await loopTurns();
    expect(probe.told).toEqual([]);
    endAttempt(descriptor, cookie + 1n);
    await loopTurns();
    expect(probe.told).toEqual([]);
    endAttempt(descriptor, cookie);
    await probe.last("connectError ECONNRESET");
    expect(probe.told).toEqual(["connectError ECONNRESET"]);
    expect(isSocket(descriptor)).toBe(false);
    silent.close();
  });

  test.if(linux)("one that is answered is not ended", async () => {
    using pair = await Pair.open();
    for (const { socket } of [pair.client, pair.accepted]) {
      endAttempt(socket.fd, socketCookie(socket.fd) as bigint);
    }
    await loopTurns();
    expect(pair.client.told).toEqual(["open"]);
    expect(pair.accepted.told).toEqual(["open"]);
  });
}

/** Options that the engine leaves to Bun, or sets through it. */
export function optionFacts(): void {
  test.if(linux)("TCP_NODELAY is set on an accepted and on a connected one", async () => {
    using pair = await Pair.open();
    expect(isNoDelay(pair.accepted.socket.fd)).toBe(true);
    expect(isNoDelay(pair.client.socket.fd)).toBe(true);
  });

  test.if(linux)("setKeepAlive takes milliseconds and reaches the kernel", async () => {
    using pair = await Pair.open();
    for (const { socket } of [pair.accepted, pair.client]) {
      expect(keepAliveSeconds(socket.fd)).toBe(0);
      socket.setKeepAlive(true, 60_000);
      expect(keepAliveSeconds(socket.fd)).toBe(60);
    }
  });
}
