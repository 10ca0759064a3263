import { inParallel, waitFor } from "../../fixtures/wait.ts";

/** Connections begun at the same time; a listener's backlog must hold them. */
const WIDTH = 100;

/** An upstream that sends back what comes. */
export function echoUpstream(): Bun.TCPSocketListener {
  return Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket, chunk) => void socket.write(chunk) },
  });
}

/** A client that waits for one answer and perhaps stays. */
interface Client {
  readonly stays: boolean;
  readonly done: PromiseWithResolvers<void>;
  isAnswered: boolean;
}

const handlers: Bun.SocketHandler<Client> = {
  open: (socket) => void socket.write("?"),
  data: (socket) => {
    socket.data.isAnswered = true;
    if (socket.data.stays) socket.data.done.resolve();
    else socket.end();
  },
  close: ({ data: { done, isAnswered } }, error) => {
    if (isAnswered && !error) done.resolve();
    else done.reject(error ?? new Error("closed without an answer"));
  },
  // The promise of the connect rejects, too.
  connectError: () => {},
};

/** Opens a client and waits for its answer; one that does not stay is closed again. */
async function relay(port: number, stays: boolean): Promise<Bun.Socket<Client>> {
  const data = { stays, done: Promise.withResolvers<void>(), isAnswered: false };
  const client = await Bun.connect({ hostname: "127.0.0.1", port, socket: handlers, data });
  await data.done.promise;
  return client;
}

/** Opens and closes so many relays, each of which carries a byte both ways. */
export async function churn(port: number, count: number): Promise<void> {
  await inParallel(count, WIDTH, async () => void (await relay(port, false)));
}

/** Relays that stand, proven by a byte both ways, and from then on say nothing. */
export class IdleRelays {
  private constructor(private readonly clients: readonly Bun.Socket<Client>[]) {}

  static async open(port: number, count: number): Promise<IdleRelays> {
    const clients: Bun.Socket<Client>[] = [];
    await inParallel(count, WIDTH, async () => void clients.push(await relay(port, true)));
    return new IdleRelays(clients);
  }

  /** How many still stand. */
  get count(): number {
    return this.clients.filter(({ readyState }) => readyState > 0).length;
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.end();
    await waitFor(() => this.count === 0, "all idle relays are closed");
  }
}
