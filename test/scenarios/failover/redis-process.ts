import { join } from "node:path";
import { findProgram, startOnFreePort, startOnPort } from "../../clients/programs.ts";

/** What happens to one of several upstreams: a process of its own, so that it can die and hang. */
export class RedisProcess implements AsyncDisposable {
  private constructor(
    private child: Bun.Subprocess,
    readonly port: number,
  ) {}

  /** Starts the real redis-server where there is one, else the embedded upstream. */
  static async start(): Promise<RedisProcess> {
    const { child, port } = await startOnFreePort(command, answersPing);
    return new RedisProcess(child, port);
  }

  get address(): { kind: "tcp"; host: string; port: number } {
    return { kind: "tcp", host: "127.0.0.1", port: this.port };
  }

  /** As stories and events call it. */
  get name(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Ends at once. @returns when nobody can connect to it any more */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
  }

  /** Comes back on the same port. @returns when it answers */
  async restart(): Promise<void> {
    const child = await startOnPort(command(this.port), this.port, answersPing);
    if (child === null) throw new Error(`it did not come back on port ${this.port}`);
    this.child = child;
  }

  /** Goes on accepting connections, as the kernel does that, and answers nothing. */
  hang(): void {
    this.child.kill("SIGSTOP");
  }

  /** Goes on where it was. */
  wake(): void {
    this.child.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

const redisServer = findProgram("redis-server");
const embedded = join(import.meta.dir, "../../../bench/upstreams/embedded.ts");

function command(port: number): string[] {
  if (redisServer === null) return [process.execPath, embedded, String(port)];
  const place = ["--port", String(port), "--bind", "127.0.0.1", "--tcp-backlog", "4096"];
  return [redisServer, ...place, "--save", "", "--appendonly", "no"];
}

async function answersPing(port: number): Promise<boolean> {
  const answer = Promise.withResolvers<boolean>();
  try {
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_, bytes) => answer.resolve(bytes.toString() === "+PONG\r\n"),
        close: () => answer.resolve(false),
      },
    });
    socket.write("PING\r\n");
    const isThere = await answer.promise;
    socket.terminate();
    return isThere;
  } catch {
    return false;
  }
}
