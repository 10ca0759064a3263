import type { SocketHandler } from "bun";
import type { UpstreamStatus } from "./command.ts";
import { Connection } from "./connection.ts";
import { ReplyEncoder } from "./reply.ts";
import { Store } from "./store.ts";

/** Settings of the embedded upstream. */
export interface EmbeddedUpstreamOptions {
  /** The address to accept on; default 127.0.0.1. */
  readonly hostname?: string;
  /** 0…65535; 0, the default, chooses a free one. */
  readonly port?: number;
  /** The path of a unix socket, instead of hostname and port. */
  readonly unix?: string;
  /** The most bytes of keys and values; default 256 MiB. */
  readonly memoryBytesMax?: number;
}

/** Where the embedded upstream accepts. */
export type EmbeddedUpstreamAddress =
  | { readonly hostname: string; readonly port: number }
  | { readonly unix: string };

/** A running embedded upstream. Owner: the code that started it; it accepts until `stop()`. */
export interface EmbeddedUpstream extends Disposable {
  /** With the chosen port. */
  readonly address: EmbeddedUpstreamAddress;
  /** Connections that are open now. */
  readonly connectionCount: number;
  /** Commands executed since the start, including those answered with an error. */
  readonly commandCount: number;
  /** Stops accepting and closes every connection, without waiting for replies. May be called
   *  again. */
  stop(): void;
}

/** Starts a small Redis in this process, which a proxy without an upstream can relay to. It runs in
 *  the caller's event loop. Throws what `Bun.listen` throws if it cannot listen. */
export function startEmbeddedUpstream(options: EmbeddedUpstreamOptions = {}): EmbeddedUpstream {
  const status = { port: 0, startedAtMs: performance.now(), connectionCount: 0, commandCount: 0 };
  const { memoryBytesMax } = options;
  const store = new Store(memoryBytesMax === undefined ? {} : { memoryBytesMax });
  const socket = handlers(store, status);
  let listener: { stop(closeActiveConnections?: boolean): void };
  let address: EmbeddedUpstreamAddress;
  if (options.unix === undefined) {
    const { hostname = "127.0.0.1", port = 0 } = options;
    const tcp = Bun.listen({ hostname, port, allowHalfOpen: true, socket });
    status.port = tcp.port;
    address = { hostname: tcp.hostname, port: tcp.port };
    listener = tcp;
  } else {
    listener = Bun.listen({ unix: options.unix, allowHalfOpen: true, socket });
    address = { unix: options.unix };
  }
  const stop = () => listener.stop(true);
  return {
    address,
    get connectionCount() {
      return status.connectionCount;
    },
    get commandCount() {
      return status.commandCount;
    },
    stop,
    [Symbol.dispose]: stop,
  };
}

/** The callbacks of all connections of one upstream. */
function handlers(store: Store, status: UpstreamStatus): SocketHandler<Connection> {
  const reply = new ReplyEncoder();
  let lastId = 0;
  return {
    open(socket) {
      const session = { id: ++lastId, name: "", protocol: 2 as const, closing: false };
      status.connectionCount++;
      socket.data = new Connection(socket, { store, reply, session, status });
    },
    data(socket, chunk) {
      socket.data.receive(chunk);
    },
    drain(socket) {
      socket.data.drained();
    },
    end(socket) {
      socket.data.clientEnded();
    },
    timeout(socket) {
      socket.terminate();
    },
    close(socket) {
      status.connectionCount--;
      socket.data.socketClosed();
    },
    // Reached if a handler throws, which is a defect: only that connection is closed.
    error(socket) {
      socket.terminate();
    },
  };
}
