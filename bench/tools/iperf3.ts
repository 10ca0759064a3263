import { runChild } from "../measure/child.ts";

const TIMEOUT_MS = 20_000;
/** A server that is still busy with the test before is asked again, this often and after this. */
const BUSY_TRIES = 20;
const BUSY_MS = 100;

/** What iperf3 said about one stream to the server. */
export interface Iperf3Result {
  /** Bytes that the server read: a little less than were relayed, as it leaves the last unread. */
  readonly receivedBytes: number;
  readonly gigabitsPerSecond: number;
}

/** Null when iperf3 is installed; otherwise how to get it. */
export function missingIperf3(): string | null {
  return Bun.which("iperf3") === null ? "apt install iperf3" : null;
}

/**
 * Lets iperf3 send so many bytes on one stream to the server behind this port of 127.0.0.1. It
 * opens two connections: one that the two ends talk on, and the stream.
 *
 * @throws Error when it failed, or said something that is not understood
 */
export async function iperf3(port: number, bytes: number): Promise<Iperf3Result> {
  const command = ["iperf3", "-c", "127.0.0.1", "-p", String(port), "-n", String(bytes), "-J"];
  for (let attempt = 1; ; attempt++) {
    const { out, err } = await runChild(command, TIMEOUT_MS);
    // It serves one test at a time, and learns a little late that the one before is over.
    if (attempt === BUSY_TRIES || !isBusy(out)) return parseIperf3(out === "" ? err : out);
    await Bun.sleep(BUSY_MS);
  }
}

/** Whether the server behind it was occupied: `iperf3 -J` says so in its report. */
export function isBusy(report: string): boolean {
  return report.includes("server is busy");
}

/**
 * Reads the report of `iperf3 -c … -J`.
 *
 * @throws Error with what it complains about, or when it is no such report
 */
export function parseIperf3(json: string): Iperf3Result {
  const report = read(json);
  if (report.error !== undefined) throw new Error(`iperf3: ${report.error}`);
  const { bytes, bits_per_second: rate } = report.end?.sum_received ?? {};
  if (bytes === undefined || rate === undefined || bytes <= 0) {
    throw new Error("iperf3 received nothing");
  }
  return { receivedBytes: bytes, gigabitsPerSecond: rate / 1e9 };
}

/** The parts of the report that are used. */
interface Report {
  readonly error?: string;
  readonly end?: { readonly sum_received?: { bytes?: number; bits_per_second?: number } };
}

function read(json: string): Report {
  try {
    return JSON.parse(json) as Report;
  } catch {
    throw new Error(`iperf3 failed: ${json.trim().slice(0, 200)}`);
  }
}
