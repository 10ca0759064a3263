import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliProcess } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { residentBytes } from "../fixtures/proc.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// Reload after reload while clients work: not one of them may notice, and nothing may grow.

setDefaultTimeout(120_000);

const RELOADS = 300;
const MIB = 1024 * 1024;
const linux = process.platform === "linux";

let folder = "";
const upstreams: Upstream[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-storm-"));
  for (let i = 0; i < 2; i++) {
    upstreams.push(Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo));
  }
});

afterAll(async () => {
  for (const upstream of upstreams) upstream.close();
  await rm(folder, { recursive: true });
});

function portOf({ address }: Upstream): number {
  if (address.kind !== "tcp") throw new Error("it has a port");
  return address.port;
}

/** Clients that connect, are echoed and leave, one after the other; and some that stay. */
class Load {
  requests = 0;
  readonly failures: string[] = [];
  private isOver = false;
  private readonly work: Promise<void>[];

  constructor(private readonly port: number) {
    this.work = [...Array(4)].map(() => this.comeAndGo());
    this.work.push(this.stay(), this.stay());
  }

  async end(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.work);
  }

  private async comeAndGo(): Promise<void> {
    while (!this.isOver) {
      const end = await this.connect();
      if (end === null) return;
      await this.request(end);
      end.finish();
    }
  }

  private async stay(): Promise<void> {
    const end = await this.connect();
    while (end !== null && !this.isOver) await this.request(end);
    end?.finish();
  }

  private async connect(): Promise<End | null> {
    try {
      return await End.connect({ kind: "tcp", host: "127.0.0.1", port: this.port });
    } catch (error) {
      this.failures.push(String(error));
      return null;
    }
  }

  private async request(end: End): Promise<void> {
    const before = end.receivedBytes;
    end.offer({ seed: this.requests, total: 64 });
    const isDone = () => end.receivedBytes === before + 64 || end.closed;
    await waitFor(isDone, "an echo");
    this.requests++;
    if (end.receivedBytes !== before + 64) {
      this.failures.push(`request ${this.requests}: ${end.closeCode ?? "closed"}`);
      this.isOver = true;
    }
  }
}

/** What a process holds. */
function holdings(pid: number) {
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: readdirSync(`/proc/${pid}/task`).length,
    memory: residentBytes(pid),
  };
}

const cases = linux ? [["sockets", 1] as const, ["sockets", 2] as const, ["auto", 2] as const] : [];

describe.each(cases)("engine %s, %i workers", (engine, workers) => {
  test(`${RELOADS} reloads under load: no failed request, and nothing grows`, async () => {
    const [one = 0, two = 0] = upstreams.map(portOf);
    const spare = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const { port: second } = spare;
    spare.stop(true);
    const config = (round: number, first: string) => `
[[listeners]]
listen = "${first}"
upstreams = [${round % 2 === 0 ? `"127.0.0.1:${one}"` : `"127.0.0.1:${two}", "127.0.0.1:${one}"`}]
${round % 3 === 0 ? `[[listeners]]\nlisten = "127.0.0.1:${second}"\nmode = "sink"\n` : ""}`;
    const path = join(folder, `${engine}-${workers}.toml`);
    // A port of its own, which stays the same: that of a listener that lets the system pick is kept.
    const first = "127.0.0.1:0";
    await writeFile(path, config(1, first));
    const flags = ["-c", path, "-e", engine, "-w", String(workers), "--stats", "none"];
    await using proxy = new CliProcess(flags);
    const load = new Load(await proxy.port());
    const { pid } = proxy.child;
    let before = holdings(pid);
    for (let round = 1; round <= RELOADS; round++) {
      await writeFile(path, config(round + 1, first));
      proxy.child.kill("SIGHUP");
      await proxy.loggedTimes(/SIGHUP: .*cut\n/g, round);
      if (round === RELOADS / 2) before = holdings(pid);
      if (load.failures.length > 0) break;
    }
    const after = holdings(pid);
    await load.end();
    expect(load.failures).toEqual([]);
    expect(load.requests).toBeGreaterThan(RELOADS);
    // Some clients are there or not at the moment of looking.
    expect(after.descriptors - before.descriptors).toBeLessThan(30);
    // The runtime starts helpers of its own when it finds them worth it.
    expect(after.threads - before.threads).toBeLessThan(10);
    // Garbage of clients and reloads is collected when it is quiet.
    await waitFor(
      () => residentBytes(pid) - before.memory < 8 * MIB,
      () => `less than 8 MiB more, now ${(residentBytes(pid) - before.memory) / MIB}`,
    );
    const { code } = await proxy.stop();
    expect(code).toBe(0);
  });
});
