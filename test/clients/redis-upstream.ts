import { type EmbeddedUpstream, startEmbeddedUpstream } from "../../src/embedded/server.ts";
import { End } from "../fixtures/end.ts";
import { waitFor } from "../fixtures/wait.ts";
import { findProgram, startOnFreePort, startOnPort } from "./programs.ts";

/** An upstream of a test that can fall over and get up again at the same port, forgetting all. */
export interface RestartableUpstream extends AsyncDisposable {
  readonly port: number;
  /** Goes away, with every connection, at once. */
  down(): Promise<void>;
  /** Comes back. */
  up(): Promise<void>;
}

const redisServer = findProgram("redis-server");

/** Which Redis the tests run against, for their names. */
export const redisName = redisServer === null ? "the embedded upstream" : "redis-server";

/** Starts the real redis-server where there is one, else the embedded upstream. */
export async function startRedis(): Promise<RestartableUpstream> {
  if (redisServer !== null) return await RealRedis.start(redisServer);
  return new EmbeddedRedis();
}

class RealRedis implements RestartableUpstream {
  private constructor(
    private readonly path: string,
    private child: Bun.Subprocess,
    readonly port: number,
  ) {}

  static async start(path: string): Promise<RealRedis> {
    const { child, port } = await startOnFreePort((free) => redisCommand(path, free), answersPing);
    return new RealRedis(path, child, port);
  }

  async down(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
  }

  async up(): Promise<void> {
    const child = await startOnPort(redisCommand(this.path, this.port), this.port, answersPing);
    if (child === null) throw new Error(`redis-server did not come back on port ${this.port}`);
    this.child = child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }
}

class EmbeddedRedis implements RestartableUpstream {
  private server: EmbeddedUpstream = startEmbeddedUpstream();
  readonly port = "port" in this.server.address ? this.server.address.port : 0;

  async down(): Promise<void> {
    this.server.stop();
  }

  async up(): Promise<void> {
    this.server = startEmbeddedUpstream({ port: this.port });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.stop();
  }
}

/** Nothing is kept on the disk, so that a test leaves nothing behind. */
function redisCommand(path: string, port: number): string[] {
  const place = ["--port", String(port), "--bind", "127.0.0.1"];
  return [path, ...place, "--save", "", "--appendonly", "no", "--tcp-backlog", "4096"];
}

async function answersPing(port: number): Promise<boolean> {
  try {
    const end = await End.connect({ kind: "tcp", host: "127.0.0.1", port }, (self) => {
      self.keeps = true;
      self.send("PING\r\n");
    });
    await waitFor(() => end.text.includes("PONG") || end.closed, "PING is answered");
    end.close();
    return end.text === "+PONG\r\n";
  } catch {
    return false;
  }
}
