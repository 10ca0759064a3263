import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** What became of a request. */
export interface Answer {
  readonly reply: string;
  /** It is an error reply. */
  readonly isError: boolean;
}

/** A client that asks one thing after the other over one connection, and notes whatever is not as it should be. */
export class AskingClient {
  /** The connection has ended without being asked to. */
  isLost = false;
  private rest = "";
  private readonly waiting: ((reply: string) => void)[] = [];
  private isLeaving = false;

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.received(text));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.isLost = !this.isLeaving;
      for (const tell of this.waiting.splice(0)) tell("-LOST the connection has ended");
    });
  }

  static async open(port: number): Promise<AskingClient> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return new AskingClient(socket);
  }

  /** Sends requests together. @returns their answers, in order */
  ask(...requests: readonly (readonly string[])[]): Promise<Answer[]> {
    const answers = requests.map(
      () => new Promise<string>((resolve) => this.waiting.push(resolve)),
    );
    this.socket.write(requests.map(encode).join(""), "latin1");
    return Promise.all(
      answers.map(async (answer) => {
        const reply = await answer;
        return { reply, isError: reply.startsWith("-") };
      }),
    );
  }

  leave(): void {
    this.isLeaving = true;
    this.socket.destroy();
  }

  private received(text: string): void {
    this.rest += text;
    for (let size = replySize(this.rest); size > 0; size = replySize(this.rest)) {
      const reply = this.rest.slice(0, size);
      this.rest = this.rest.slice(size);
      this.waiting.shift()?.(reply.trimEnd());
    }
  }
}

function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`;
}

/** Bytes of the first reply, of those kinds that tests ask for; 0 if it is not whole. */
function replySize(text: string): number {
  const end = text.indexOf("\r\n");
  if (end < 0) return 0;
  const line = end + 2;
  if (!text.startsWith("$") || text.startsWith("$-1")) return line;
  const size = line + Number(text.slice(1, end)) + 2;
  return text.length >= size ? size : 0;
}
