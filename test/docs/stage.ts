import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, runProgram } from "../clients/programs.ts";
import { MAIN } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { waitFor } from "../fixtures/wait.ts";

/**
 * Where the steps of a guide are done: a folder, programs that run until the end, and a `ringway` in the
 * PATH. The ports of the guide are replaced by free ones, and its addresses of other machines by those of
 * this one, wherever they stand.
 */
export class Stage implements AsyncDisposable {
  readonly folder: string;
  private readonly ports = new Map<string, string>();
  private readonly children: Bun.Subprocess[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @param ports those that the guide names */
  static async open(ports: readonly number[]): Promise<Stage> {
    const stage = new Stage(await mkdtemp(join(tmpdir(), "ringway-guide-")));
    await chmod(stage.folder, 0o755);
    for (const port of ports) {
      let free = freePort();
      while ([...stage.ports.values()].includes(String(free))) free = freePort();
      stage.ports.set(String(port), String(free));
    }
    const shim = join(stage.folder, "bin/ringway");
    await Bun.write(shim, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
    await chmod(shim, 0o755);
    return stage;
  }

  /** The port that stands for one of the guide. */
  port(port: number): number {
    return Number(this.ports.get(String(port)));
  }

  /** A text of the guide with ports and addresses of this machine. */
  here(text: string): string {
    return text
      .replaceAll(/\b\d{4,5}\b/g, (port) => this.ports.get(port) ?? port)
      .replaceAll(/\b10\.0\.0\.(\d+)(?!\/|\d)/g, "127.0.0.$1");
  }

  async write(file: string, text: string): Promise<string> {
    const path = join(this.folder, file);
    await Bun.write(path, this.here(text));
    return path;
  }

  /** Starts what goes on in a terminal of its own, and waits until it says something. */
  async startTalking(command: string): Promise<void> {
    const reader = this.spawn(command, "pipe").stdout?.getReader();
    await reader?.read();
    reader?.releaseLock();
  }

  /** The same, and waits until something accepts on a port of the guide. */
  async start(command: string, port: number, host = "127.0.0.1"): Promise<void> {
    this.spawn(command, "ignore");
    await waitFor(() => this.accepts(host, port), `${command.trim()} accepts`);
  }

  /** Runs commands of a guide to their end. @returns what they print */
  async run(commands: string): Promise<string> {
    const shell = ["bash", "-euo", "pipefail", "-c", this.here(commands)];
    const path = `PATH=${this.environment.PATH}`;
    const { code, out, err } = await runProgram(["env", path, ...shell], this.folder);
    if (code !== 0) throw new Error(`${commands}ended with ${code}: ${err}`);
    return out;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.children.reverse()) {
      child.kill("SIGKILL");
      await child.exited;
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  private spawn<Out extends "pipe" | "ignore">(command: string, stdout: Out) {
    const child = Bun.spawn(["bash", "-c", `exec ${this.here(command.trim())}`], {
      cwd: this.folder,
      env: this.environment,
      stdin: "ignore",
      stdout,
      stderr: "ignore",
    });
    this.children.push(child);
    return child;
  }

  private async accepts(host: string, port: number): Promise<boolean> {
    try {
      const address = { kind: "tcp", host, port: this.port(port) } as const;
      (await End.connect(address)).reset();
      return true;
    } catch {
      return false;
    }
  }

  private get environment(): Record<string, string | undefined> {
    // Debian keeps haproxy and nginx out of an ordinary user's PATH.
    return { ...process.env, PATH: `${join(this.folder, "bin")}:${process.env.PATH}:/usr/sbin` };
  }
}
