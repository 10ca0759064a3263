import { expect, test } from "bun:test";
import { connect as connectPlain, createServer as createPlain, type Socket } from "node:net";
import { createSecureContext, createServer, type TLSSocket } from "node:tls";
import { authority, expired, server } from "../fixtures/certificates.ts";
import { waitFor } from "../fixtures/wait.ts";

/** What a connection with TLS has told. */
interface Told {
  readonly events: string[];
  readonly sessions: Buffer[];
  handshake: { ok: boolean; code: string | undefined; authorized: boolean; reused: boolean } | null;
}

/** A socket of Bun with what its type file does not list. */
interface Secure {
  readonly authorized: boolean;
  isSessionReused(): boolean;
  setSession(session: Buffer): void;
  write(text: string): number;
  terminate(): void;
}

async function listening(pair: object, serve: (socket: TLSSocket) => void = () => {}) {
  const one = createServer(pair, (socket) => {
    socket.on("error", () => {});
    serve(socket);
  });
  one.on("tlsClientError", () => {});
  const { promise, resolve } = Promise.withResolvers<void>();
  one.listen(0, "127.0.0.1", resolve);
  await promise;
  return { port: (one.address() as { port: number }).port, close: () => void one.close() };
}

/** The handle of a context, as Bun 1.4 takes it. */
function contextOf(options: object): object {
  return (createSecureContext(options) as unknown as { context: object }).context;
}

const trusted = contextOf({ ca: authority.cert });

function handlers(told: Told, opened: (socket: Secure) => void = () => {}) {
  return {
    open(socket: Secure) {
      told.events.push("open");
      opened(socket);
    },
    handshake(socket: Secure, ok: boolean, error: NodeJS.ErrnoException | null) {
      const { authorized } = socket;
      const reused = socket.isSessionReused();
      told.events.push("handshake");
      told.handshake = { ok, code: error?.code, authorized, reused };
      if (ok) socket.write("x");
    },
    session: (_: unknown, session: Buffer) => void told.sessions.push(session),
    data: () => void told.events.push("data"),
    error: (_: unknown, { code }: NodeJS.ErrnoException) => void told.events.push(`error ${code}`),
    close: (_: unknown, error: unknown) =>
      void told.events.push(error === undefined ? "close" : "close with an error"),
  };
}

function none(): Told {
  return { events: [], sessions: [], handshake: null };
}

async function connected(port: number, tls: object, opened?: (socket: Secure) => void) {
  const told = none();
  const socket = handlers(told, opened);
  const options = { hostname: "127.0.0.1", port, tls, socket, allowHalfOpen: true };
  const made = (await Bun.connect(options as never)) as unknown as Secure;
  await waitFor(() => told.handshake !== null || told.events.includes("close"), "it is over");
  return { told, socket: made };
}

/** What src/engine/sockets/upstream-tls.ts and src/transport/tls/ rely on. */
export function upstreamTlsFacts(): void {
  test("a context's handle does for Bun.connect, and names and addresses are verified", async () => {
    const { close, port } = await listening(server);
    const rejectUnauthorized = true;
    for (const [serverName, ok] of [
      ["localhost", true],
      ["127.0.0.1", true],
      ["127.0.0.2", false],
      ["b.example", false],
    ] as const) {
      const tls = { secureContext: trusted, serverName, rejectUnauthorized };
      const { socket, told } = await connected(port, tls);
      expect(told.handshake).toMatchObject({ ok, authorized: ok });
      if (!ok) expect(told.handshake?.code).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
      socket.terminate();
    }
    close();
  });

  test("without verification a wrong name is not ok, and yet it is open", async () => {
    const { close, port } = await listening(expired, (socket) => {
      socket.on("data", () => socket.write("y"));
    });
    const lax = { secureContext: trusted, rejectUnauthorized: false };
    for (const serverName of ["localhost", "b.example"]) {
      const { socket, told } = await connected(port, { ...lax, serverName });
      expect(told.handshake).toMatchObject({ code: "CERT_HAS_EXPIRED", authorized: false });
      socket.write("x");
      await waitFor(() => told.events.includes("data"), "it answers");
      socket.terminate();
    }
    close();
  });

  test("a session is resumed, and the name is verified nevertheless", async () => {
    const { close, port } = await listening(server, (socket) => {
      socket.on("data", () => socket.write("y"));
    });
    const tls = { secureContext: trusted, serverName: "localhost", rejectUnauthorized: true };
    const first = await connected(port, tls);
    await waitFor(() => first.told.sessions.length > 0, "a session came");
    const resume = (socket: Secure) => socket.setSession(first.told.sessions[0] as Buffer);
    const second = await connected(port, tls, resume);
    expect(second.told.handshake).toMatchObject({ ok: true, reused: true });
    const strange = await connected(port, { ...tls, serverName: "b.example" }, resume);
    expect(strange.told.handshake).toMatchObject({
      ok: false,
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
    for (const { socket } of [first, second, strange]) socket.terminate();
    close();
  });

  test("what breaks the rules later comes as `error` EPROTO, then `close` without one", async () => {
    const { close, port } = await listening(server);
    const between: Socket[] = [];
    const door = createPlain((socket) => {
      between.push(socket);
      const on = connectPlain(port, "127.0.0.1", () => socket.pipe(on).pipe(socket));
      for (const one of [socket, on]) one.on("error", () => {});
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    door.listen(0, "127.0.0.1", resolve);
    await promise;
    const tls = { secureContext: trusted, serverName: "localhost" };
    const { told } = await connected((door.address() as { port: number }).port, tls);
    expect(told.handshake).toMatchObject({ ok: true });
    between[0]?.write("these are no records of TLS");
    await waitFor(() => told.events.includes("close"), "it is closed");
    expect(told.events.slice(-2)).toEqual(["error EPROTO", "close"]);
    door.close();
    close();
  });

  test("`terminate` within the handshake calls `handshake` and `close` before it returns", async () => {
    const silent = createPlain(() => {});
    const { promise, resolve } = Promise.withResolvers<void>();
    silent.listen(0, "127.0.0.1", resolve);
    await promise;
    const told = none();
    const { port } = silent.address() as { port: number };
    const options = { hostname: "127.0.0.1", port, tls: { secureContext: trusted } };
    const socket = handlers(told);
    const made = (await Bun.connect({ ...options, socket } as never)) as unknown as Secure;
    made.terminate();
    expect(told.events).toEqual(["open", "handshake", "close"]);
    expect(told.handshake).toMatchObject({ ok: false, code: "ECONNRESET" });
    silent.close();
  });
}
