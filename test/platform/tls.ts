import { expect, test } from "bun:test";
import { connect as netConnect } from "node:net";
import { connect, createSecureContext, type TLSSocket } from "node:tls";
import { authority, client, other, server } from "../fixtures/certificates.ts";
import { waitFor } from "../fixtures/wait.ts";
import { writeTo } from "./system.ts";

/** A server's socket, with the members that Bun's type file does not list. */
interface Secure extends Bun.Socket<undefined> {
  pause(): void;
  resume(): void;
  isSessionReused(): boolean;
}

/** What a listener with TLS does and has seen. */
interface Heard {
  readonly handshakes: { ok: boolean; authorized: boolean; error: string; socket: Secure }[];
  readonly names: string[];
  text: string;
  ends: number;
  closes: number;
}

const pair = { cert: server.cert, key: server.key };

/** A listener of Bun that speaks TLS. */
function listen(tls: object, more: object = {}): { port: number; heard: Heard; stop(): void } {
  const heard: Heard = { handshakes: [], names: [], text: "", ends: 0, closes: 0 };
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    allowHalfOpen: true,
    tls: { ...pair, ...tls },
    socket: {
      handshake(socket: Secure, ok: boolean, error: Error | null) {
        const { authorized } = socket;
        heard.handshakes.push({ ok, authorized, error: error?.message ?? "", socket });
      },
      data(_: Secure, bytes: Buffer) {
        heard.text += bytes.toString();
      },
      end() {
        heard.ends++;
      },
      close() {
        heard.closes++;
      },
      ...more,
    },
  } as never) as unknown as { port: number; stop(closes: boolean): void };
  return { port: listener.port, heard, stop: () => listener.stop(true) };
}

async function open(port: number, options: object = {}): Promise<TLSSocket> {
  const socket = connect({
    host: "127.0.0.1",
    port,
    ca: authority.cert,
    servername: "localhost",
    allowHalfOpen: true,
    ...options,
  } as never);
  socket.on("error", () => {});
  await new Promise<void>((resolve) => {
    socket.once("secureConnect", resolve);
    socket.once("close", () => resolve());
  });
  return socket;
}

/** What src/engine/sockets/tls.ts and src/transport/tls/ rely on. */
export function tlsFacts(): void {
  test("`handshake` comes with ok for an unknown certificate, too: only `authorized` tells", async () => {
    const asking = { ca: authority.cert, requestCert: true, rejectUnauthorized: false };
    const { heard, port, stop } = listen(asking);
    for (const [index, shown] of [client, other, {}].entries()) {
      const socket = await open(port, shown);
      // With TLS 1.3 a client is done before the server is.
      await waitFor(() => heard.handshakes.length === index + 1, "the server is done");
      socket.destroy();
    }
    expect(heard.handshakes.map(({ ok, authorized }) => [ok, authorized])).toEqual([
      [true, true],
      [true, false],
      [true, false],
    ]);
    stop();
  });

  test("a handshake that fails is told with BoringSSL's words, then `close`", async () => {
    const { heard, port, stop } = listen({ minVersion: 0x0304 });
    (await open(port, { maxVersion: "TLSv1.2" })).destroy();
    const raw = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    raw.write("GET / HTTP/1.0\r\n\r\n");
    await waitFor(() => heard.closes === 2, "both are closed");
    expect(heard.handshakes.map(({ ok }) => ok)).toEqual([false, false]);
    expect(heard.handshakes[0]?.error).toMatch(/UNSUPPORTED_PROTOCOL/);
    expect(heard.handshakes[1]?.error).toMatch(/HTTP_REQUEST|WRONG_VERSION_NUMBER/);
    stop();
  });

  test("a client that leaves within its handshake is told of by `handshake`, too", async () => {
    const { heard, port, stop } = listen({});
    const raw = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    raw.end();
    await waitFor(() => heard.closes === 1, "it is closed");
    expect(heard.handshakes).toMatchObject([{ ok: false }]);
    stop();
  });

  // It writes past the client's TLS, which needs Linux.
  test.if(process.platform === "linux")(
    "a broken record is told by `error` with EPROTO, then `close` without one, as after a FIN",
    async () => {
      const told: unknown[] = [];
      const { heard, port, stop } = listen(
        {},
        {
          error: (_: Secure, error: NodeJS.ErrnoException) =>
            void told.push(error.code, error.message),
          close: (_: Secure, error: unknown) => void told.push("close", error),
        },
      );
      const raw = netConnect(port, "127.0.0.1");
      raw.on("error", () => {});
      const socket = await open(port, { socket: raw });
      await waitFor(() => heard.handshakes.length === 1, "the handshake is done");
      const { fd } = (raw as unknown as { _handle: { fd: number } })._handle;
      writeTo(fd, Buffer.from(`\x17\x03\x03\x00\x20${"\x07".repeat(32)}`, "latin1"));
      await waitFor(() => told.length === 4, "both are told");
      const words = expect.stringMatching(/^error:[0-9a-f]+:SSL routines:.*BAD_RECORD_MAC/);
      expect(told).toEqual(["EPROTO", words, "close", undefined]);
      socket.destroy();
      stop();
    },
  );

  test("`pause` in `open` leaves the hello in the kernel, and `resume` begins", async () => {
    let paused: Secure | null = null;
    const { heard, port, stop } = listen(
      {},
      {
        open(socket: Secure) {
          socket.pause();
          paused = socket;
        },
      },
    );
    const opening = open(port);
    await waitFor(() => paused !== null, "it is accepted");
    for (let turn = 0; turn < 20; turn++) await Bun.sleep(1);
    expect(heard.handshakes).toHaveLength(0);
    (paused as unknown as Secure).resume();
    const socket = await opening;
    await waitFor(() => heard.handshakes.length === 1, "the handshake is done");
    socket.destroy();
    stop();
  });

  test("`serverName` chooses the context, as the name was sent, and not without one", async () => {
    const { context } = createSecureContext({ cert: other.cert, key: other.key }) as unknown as {
      context: object;
    };
    const names: string[] = [];
    const { port, stop } = listen(
      {},
      {
        serverName(_: unknown, name: string) {
          names.push(name);
          return name.toLowerCase().startsWith("localhost") ? undefined : context;
        },
      },
    );
    const free = { ca: [authority.cert, other.cert], checkServerIdentity: () => undefined };
    const shown = async (servername: string) => {
      const socket = await open(port, { ...free, servername, rejectUnauthorized: false });
      const { fingerprint256 } = socket.getPeerCertificate();
      socket.destroy();
      return fingerprint256;
    };
    const [first, second, third] = [
      await shown("LocalHost"),
      await shown("a.test"),
      await shown(""),
    ];
    expect(names).toEqual(["LocalHost", "a.test"]);
    expect(second).not.toBe(first);
    expect(third).toBe(first);
    stop();
  });

  test("protocols are a list in the form of RFC 7301, and none in common is an alert", async () => {
    const wire = Buffer.from("\x02h2\x08http/1.1", "latin1");
    const { heard, port, stop } = listen({ ALPNProtocols: wire });
    const socket = await open(port, { ALPNProtocols: ["x", "http/1.1"] });
    expect(socket.alpnProtocol).toBe("http/1.1");
    await waitFor(() => heard.handshakes.length === 1, "the server is done");
    socket.destroy();
    (await open(port, { ALPNProtocols: ["x"] })).destroy();
    await waitFor(() => heard.handshakes.length === 2, "both are told of");
    expect(heard.handshakes.map(({ ok }) => ok)).toEqual([true, false]);
    stop();
  });

  test("close_notify is `end`, and the other direction goes on", async () => {
    const { heard, port, stop } = listen({});
    const socket = await open(port);
    let received = "";
    socket.on("data", (bytes: Buffer) => {
      received += bytes.toString();
    });
    socket.end("first");
    await waitFor(() => heard.ends === 1, "it has ended");
    expect(heard.text).toBe("first");
    heard.handshakes[0]?.socket.write("last");
    heard.handshakes[0]?.socket.shutdown();
    await waitFor(() => received === "last", "the answer has come");
    socket.destroy();
    stop();
  });

  test.each(["TLSv1.2", "TLSv1.3"])(
    "a session that is resumed by %s keeps the client's certificate, within its context alone",
    async (maxVersion) => {
      const asking = { ca: authority.cert, requestCert: true, rejectUnauthorized: false };
      const [one, two] = [listen(asking), listen(asking)];
      let session: Buffer | null = null;
      const first = await open(one.port, { ...client, maxVersion });
      first.on("session", (given: Buffer) => {
        session = given;
      });
      await waitFor(() => one.heard.handshakes.length === 1, "the handshake is done");
      one.heard.handshakes[0]?.socket.write("x");
      first.on("data", () => {});
      // By TLS 1.2 it is there with the handshake, by 1.3 in a ticket behind it.
      if (maxVersion === "TLSv1.2") session = first.getSession() ?? null;
      await waitFor(() => session !== null, "a session is there");
      const again = await open(one.port, { session, maxVersion });
      const elsewhere = await open(two.port, { session, maxVersion });
      await waitFor(
        () => one.heard.handshakes.length === 2 && two.heard.handshakes.length === 1,
        "all are done",
      );
      const [resumed, full] = [one.heard.handshakes[1], two.heard.handshakes[0]];
      expect(resumed?.socket.isSessionReused()).toBe(true);
      expect(resumed?.authorized).toBe(true);
      expect(full?.socket.isSessionReused()).toBe(false);
      expect(full?.authorized).toBe(false);
      for (const socket of [first, again, elsewhere]) socket.destroy();
      one.stop();
      two.stop();
    },
  );

  test("`upgradeTLS` takes over an accepted socket with the bytes that were read", async () => {
    const handshakes: boolean[] = [];
    let text = "";
    const secured = {
      handshake: (_: unknown, ok: boolean) => void handshakes.push(ok),
      data: (_: unknown, bytes: Buffer) => {
        text += bytes.toString();
      },
    };
    let upgraded = false;
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket, bytes) {
          // Afterwards this handler still gets all that comes, as it came.
          if (upgraded) return;
          upgraded = true;
          socket.upgradeTLS({
            isServer: true,
            initialData: bytes,
            tls: pair,
            data: undefined,
            socket: secured,
          } as never);
        },
      },
    });
    const socket = await open(listener.port);
    socket.write("hello");
    await waitFor(() => text === "hello", "it has come");
    expect(handshakes).toEqual([true]);
    socket.destroy();
    listener.stop(true);
  });
}
