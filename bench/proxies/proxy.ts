import type { Pair } from "../measure/certificate.ts";

/** One thing to compare: how to tell whether it is here, and how to start it. */
export interface ProxyAdapter {
  /** Its name in options and tables. */
  readonly name: string;
  /** One of ringway's own, which the others are compared with. */
  readonly isOurs: boolean;
  /** It can end the clients' TLS. */
  readonly endsTls: boolean;
  /** It sends the commands of many clients over few connections, and takes part where that counts. */
  readonly isMultiplexer?: boolean;
  /** Null if it can run here; otherwise what is missing and how to get it. */
  missing(): Promise<string | null>;
  /** Its version, in one line. */
  version(): Promise<string>;
  /** Files that must be present for it to run, for their size. */
  executables(): readonly string[];
  /**
   * The command that starts it in the foreground, accepting on a port of 127.0.0.1 and relaying to
   * another. What it needs to read is written before.
   *
   * @param directory an empty one, for its configuration
   * @param tls what it shows clients, whose TLS it ends; null for plain connections
   */
  command(
    listenPort: number,
    upstreamPort: number,
    directory: string,
    tls: Pair | null,
  ): Promise<readonly string[]>;
}

/** A running proxy, ready to be measured. */
export interface Target {
  readonly adapter: ProxyAdapter;
  /** The address for clients. */
  readonly port: number;
  /** The root of the process tree that does its work; for `direct`, the upstream's. */
  readonly pid: number;
  /** From its start to its first accepted connection, in milliseconds; null for `direct`. */
  readonly startupMs: number | null;
}

/** The first line of a command's output, on either stream; "unknown" if it cannot be run. */
export async function firstLine(command: readonly string[]): Promise<string> {
  try {
    const child = Bun.spawn([...command], { stdout: "pipe", stderr: "pipe" });
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return `${out}${err}`.trim().split("\n")[0] ?? "unknown";
  } catch {
    return "unknown";
  }
}
