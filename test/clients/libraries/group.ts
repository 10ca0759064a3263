import { bounded } from "../store.ts";
import type { Introduction, Library, LibraryClient, Protocol } from "./library.ts";

/** Where the clients of a case connect, and what for. */
export interface Place {
  /** The proxy's port. */
  readonly port: number;
  /** A client of the server itself, which no proxy sees. */
  readonly server: LibraryClient;
}

/** The clients of one case, all of one library and one protocol. */
export class Group {
  /** Begins every name that the case gives to a key, a channel or a client. */
  readonly prefix: string;
  private static count = 0;
  private readonly clients: LibraryClient[] = [];

  constructor(
    readonly library: Library,
    readonly protocol: Protocol,
    readonly place: Place,
  ) {
    this.prefix = `case${Group.count++}:`;
  }

  /** A client of the proxy, connected; each of its calls is bounded in time. */
  async client(introduction: Omit<Introduction, "protocol"> = {}): Promise<LibraryClient> {
    const { port } = this.place;
    const connecting = this.library.connect(port, { protocol: this.protocol, ...introduction });
    const client = boundedClient(await bounded(connecting, "connect"));
    this.clients.push(client);
    return client;
  }

  /** So many clients. */
  clientsOf(count: number): Promise<LibraryClient[]> {
    return Promise.all(Array.from({ length: count }, () => this.client()));
  }

  close(): void {
    for (const client of this.clients.splice(0)) client.close();
  }
}

/** The same client, no call of which may hang. */
function boundedClient(client: LibraryClient): LibraryClient {
  return {
    call: (...command) => bounded(client.call(...command), command.join(" ").slice(0, 60)),
    setBytes: (key, value) => bounded(client.setBytes(key, value), `set ${key}`),
    getBytes: (key) => bounded(client.getBytes(key), `get ${key}`),
    transact: (commands) => bounded(client.transact(commands), "a transaction"),
    pipeline: (commands) => bounded(client.pipeline(commands), "a pipeline"),
    script: (source, keys, values) => bounded(client.script(source, keys, values), "a script"),
    subscribe: (channel, hear) => bounded(client.subscribe(channel, hear), "subscribe"),
    subscribePattern: (pattern, hear) => bounded(client.subscribePattern(pattern, hear), "pattern"),
    close: () => client.close(),
  };
}
