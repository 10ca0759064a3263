/** Words of the requests that a text has, and what is left of it. Only whole arrays of strings, which is what ringway sends. */
function requestsIn(text: string): { requests: string[][]; rest: string } {
  const requests: string[][] = [];
  let rest = text;
  for (;;) {
    const request = firstRequest(rest);
    if (request === null) return { requests, rest };
    requests.push(request.words);
    rest = rest.slice(request.size);
  }
}

function firstRequest(text: string): { words: string[]; size: number } | null {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return null;
  const words: string[] = [];
  let at = head[0].length;
  for (let left = Number(head[1]); left > 0; left--) {
    const length = /^\$(\d+)\r\n/.exec(text.slice(at));
    if (length === null) return null;
    at += length[0].length;
    const size = Number(length[1]);
    if (text.length < at + size + 2) return null;
    words.push(text.slice(at, at + size));
    at += size + 2;
  }
  return { words, size: at };
}

/** A request as clients write it. */
export function request(...words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`;
}

/** A string as servers write it. */
export function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

/**
 * A server of a few commands: the ones of transactions, AUTH, SELECT, HELLO and SUBSCRIBE as Valkey has them. Any other
 * is answered with its own words, so that a reply that goes astray is seen; with its words repeated if it is `LRANGE`.
 */
export class TestServer {
  /** All requests but those of ringway itself that were carried out, in order. */
  readonly executed: string[] = [];
  connections = 0;
  /** Commands that it permits nobody. */
  readonly refuses = new Set<string>();
  /** Passwords by users; with none everybody may do everything. */
  readonly passwords = new Map<string, string>();
  /** Nobody can write. */
  isReplica = false;
  /** Any password is the right one: `nopass`. */
  isOpen = false;

  connect(): TestServerConnection {
    this.connections++;
    return new TestServerConnection(this);
  }
}

/** One connection of the server. */
export class TestServerConnection {
  /** What it has sent and nobody has received yet. */
  sends = "";
  user = "default";
  database = "0";
  private rest = "";
  private queued: string[][] | null = null;
  private isBroken = false;
  isWatching = false;
  isSubscribed = false;
  /** What its client is called; null if it has never said so. */
  name: string | null = null;

  private readonly id: number;

  constructor(private readonly server: TestServer) {
    this.id = 1_000 + server.connections;
  }

  /** It has no state of a client. */
  get isClean(): boolean {
    return this.queued === null && !this.isWatching && !this.isSubscribed;
  }

  receive(text: string): void {
    const { requests, rest } = requestsIn(this.rest + text);
    this.rest = rest;
    for (const words of requests) this.sends += this.answer(words);
  }

  private answer(words: string[]): string {
    const name = (words[0] as string).toUpperCase();
    if (name === "MULTI") {
      if (this.queued !== null) return "-ERR MULTI calls can not be nested\r\n";
      this.queued = [];
      this.isBroken = false;
      return "+OK\r\n";
    }
    if (name === "EXEC" || name === "DISCARD") return this.endTransaction(name);
    if (this.queued !== null) return this.enqueue(name, words);
    return this.execute(name, words);
  }

  private enqueue(name: string, words: string[]): string {
    if (name === "WATCH") return "-ERR WATCH inside MULTI is not allowed\r\n";
    if (name === "RINGWAY.DENIED") {
      this.isBroken = true;
      return "-ERR unknown command\r\n";
    }
    this.queued?.push(words);
    return "+QUEUED\r\n";
  }

  private endTransaction(name: string): string {
    const { isBroken, queued } = this;
    if (queued === null) return `-ERR ${name} without MULTI\r\n`;
    this.queued = null;
    this.isWatching = false;
    if (name === "DISCARD") return "+OK\r\n";
    if (isBroken) return "-EXECABORT Transaction discarded because of previous errors.\r\n";
    const replies = queued.map((words) => this.execute((words[0] as string).toUpperCase(), words));
    return `*${replies.length}\r\n${replies.join("")}`;
  }

  private execute(name: string, words: string[]): string {
    const { passwords, refuses } = this.server;
    if (refuses.has(name)) return "-NOPERM this user has no permissions to run the command\r\n";
    switch (name) {
      case "AUTH": {
        const [user, password] = words.length === 2 ? ["default", words[1]] : words.slice(1);
        if (!this.server.isOpen && passwords.get(user as string) !== password)
          return "-WRONGPASS invalid username-password pair\r\n";
        this.user = user as string;
        return "+OK\r\n";
      }
      case "SELECT":
        if (Number(words[1]) > 15) return "-ERR DB index is out of range\r\n";
        this.database = words[1] as string;
        return "+OK\r\n";
      case "HELLO":
        return "%1\r\n+proto\r\n:3\r\n";
      case "WATCH":
        this.isWatching = true;
        return "+OK\r\n";
      case "BLPOP":
        // Waits for ever.
        if (words[1] === "nothing") return "";
        break;
      case "UNWATCH":
        this.isWatching = false;
        return "+OK\r\n";
      case "CLIENT":
        if (words[1]?.toUpperCase() === "SETNAME") {
          this.name = words[2] as string;
          return "+OK\r\n";
        }
        return `:${this.id}\r\n`;
      case "PING":
        return "+PONG\r\n";
      case "SUBSCRIBE":
        this.isSubscribed = true;
        return `*3\r\n${bulk("subscribe")}${bulk(words[1] as string)}:1\r\n`;
    }
    if (this.server.isReplica && name === "SET") return "-READONLY You can't write\r\n";
    const text = words.join(" ");
    this.server.executed.push(text);
    if (passwords.size > 0 && this.user === "default" && !passwords.has("default"))
      return "-NOAUTH Authentication required.\r\n";
    if (name === "LRANGE") return bulk(`${text} `.repeat(Number(words[1])));
    return bulk(`${this.user}/${this.database}: ${text}`);
  }
}
