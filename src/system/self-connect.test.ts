import { expect, test } from "bun:test";
import { connect } from "node:net";
import { meetsItself as descriptorMeetsItself } from "./libc.ts";
import { bindSocket, closeNow, openSocket, ownAddress } from "./linux.ts";
import { meetsItself } from "./self-connect.ts";
import { decodeSockaddr, encodeSockaddr } from "./sockaddr.ts";

const isLinux = process.platform === "linux";

/** A port that nobody has: it was one's a moment ago. */
function freePort(): number {
  const descriptor = openSocket(2);
  bindSocket(descriptor, encodeSockaddr({ kind: "tcp", host: "127.0.0.1", port: 0 }));
  const address = decodeSockaddr(ownAddress(descriptor) ?? new Uint8Array());
  closeNow(descriptor);
  return address.kind === "tcp" ? address.port : 0;
}

test.skipIf(!isLinux)(
  "a dial from a port to the same port meets itself, any other one does not",
  async () => {
    const port = freePort();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = connect({ host: "127.0.0.1", port, localAddress: "127.0.0.1", localPort: port });
    socket.on("connect", resolve);
    socket.on("error", reject);
    await promise;
    expect(meetsItself(port, socket)).toBe(true);
    expect(meetsItself(port + 1, socket)).toBe(false);
    socket.resetAndDestroy();

    using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const opened = Promise.withResolvers<void>();
    const other = await Bun.connect({
      hostname: "127.0.0.1",
      port: server.port,
      socket: { open: () => opened.resolve(), data() {} },
    });
    await opened.promise;
    expect(meetsItself(server.port, other)).toBe(false);
    const { fd } = other as unknown as { fd: number };
    const dialled = encodeSockaddr({ kind: "tcp", host: "127.0.0.1", port: server.port });
    expect(descriptorMeetsItself(fd, dialled)).toBe(false);
    other.terminate();
  },
);

test("the same port of another host is no meeting", () => {
  const port = 65_000;
  const ends = {
    localPort: port,
    remotePort: port,
    localAddress: "10.0.0.1",
    remoteAddress: "10.0.0.2",
  };
  expect(meetsItself(port, ends)).toBe(false);
  expect(meetsItself(port, { ...ends, remoteAddress: "10.0.0.1" })).toBe(true);
  expect(meetsItself(port, {})).toBe(false);
});
