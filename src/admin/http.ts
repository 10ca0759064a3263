import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type AdminRequest, adminRequest, refuse } from "./answer.ts";
import { type AdminConnection, AdminListener } from "./listener.ts";

/** Longest head of a request. */
const HEAD_BYTES_MAX = 16_384;
/** Longest body of a request. */
const BODY_BYTES_MAX = 65_536;
/** A refused client that is still sending has this many milliseconds to read the answer. */
const LINGER_MS = 1_000;

/** Answers a request. */
export type Handle = (request: AdminRequest) => Promise<Response>;

/** A request's body was more than {@link BODY_BYTES_MAX}. */
class TooLong extends Error {}

/**
 * HTTP on the connections of a listener. `node:http` parses; the listener decides which connections
 * are accepted and how long they stay, because Bun's own server accepts any number of them.
 *
 * @param silentMs see {@link AdminListener}
 * @param handle answers each request
 * @param failed receives errors of `handle`; the request gets a 500
 */
export function httpListener(
  silentMs: number,
  handle: Handle,
  failed: (error: unknown) => void,
): AdminListener {
  const connections = new WeakMap<Socket, AdminConnection>();
  const server: Server = createServer(
    { maxHeaderSize: HEAD_BYTES_MAX, keepAliveTimeout: silentMs },
    (incoming, outgoing) => {
      const connection = connections.get(incoming.socket);
      if (connection === undefined) incoming.socket.destroy();
      else void exchange(connection, incoming, outgoing, handle, failed);
    },
  );
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    connections.get(socket)?.distrust();
    if (!socket.writable || socket.writableEnded) return;
    const isLong = error.code === "HPE_HEADER_OVERFLOW";
    const status = isLong ? "431 Request Header Fields Too Large" : "400 Bad Request";
    socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  });
  return new AdminListener(silentMs, (connection) => {
    connections.set(connection.socket, connection);
    server.emit("connection", connection.socket);
  });
}

async function exchange(
  connection: AdminConnection,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  handle: Handle,
  failed: (error: unknown) => void,
): Promise<void> {
  const { headers } = incoming;
  const hasBody =
    headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
  connection.asked(!hasBody);
  outgoing.on("close", () => connection.answered());
  // The connection reports it, too.
  incoming.on("error", () => {});
  let response: Response;
  try {
    if (Number(headers["content-length"] ?? 0) > BODY_BYTES_MAX) throw new TooLong();
    response = await handle(requestOf(connection, incoming));
  } catch (error) {
    if (connection.socket.destroyed) return;
    if (error instanceof TooLong) {
      response = refuse(413, `expected a body of at most ${BODY_BYTES_MAX} bytes`);
    } else {
      failed(error);
      response = refuse(500, "the request failed; see the log");
    }
  }
  const body = new Uint8Array(await response.arrayBuffer());
  if (connection.socket.destroyed) return;
  connection.answers();
  const isOver = !hasBody || (incoming.complete && response.status !== 413);
  const more = isOver ? {} : { connection: "close" };
  const all = { ...Object.fromEntries(response.headers), "content-length": body.length, ...more };
  outgoing.writeHead(response.status, all);
  outgoing.end(incoming.method === "HEAD" ? undefined : body);
  if (isOver) return;
  // Keep reading for a moment: a reset would discard the answer before the client reads it.
  incoming.resume();
  connection.distrust();
  setTimeout(() => connection.end(), LINGER_MS).unref();
}

function requestOf(connection: AdminConnection, incoming: IncomingMessage): AdminRequest {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  return adminRequest({
    method: incoming.method ?? "",
    headers,
    url: incoming.url ?? "",
    asker: connection,
    text: async () => {
      const text = await bodyOf(incoming);
      connection.whole();
      return text;
    },
  });
}

/** The whole body. @throws TooLong */
function bodyOf(incoming: IncomingMessage): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let size = 0;
  const take = (chunk: Buffer) => {
    size += chunk.length;
    if (size <= BODY_BYTES_MAX) {
      chunks.push(chunk);
      return;
    }
    incoming.off("data", take);
    reject(new TooLong());
  };
  incoming.on("data", take);
  incoming.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
  incoming.on("error", reject);
  incoming.on("close", () => reject(new Error("the client has left")));
  return promise;
}
