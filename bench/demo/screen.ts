import { Presets, SingleBar } from "cli-progress";
import { formatCount } from "../../src/base/quantity.ts";
import type { Load, LoadResult } from "./load.ts";
import { megabytesPerSecond, requestsPerSecond } from "./table.ts";

/** Shows the progress of a load. */
export interface Screen {
  line(text: string): void;
  begin(load: Load): void;
  tick(soFar: LoadResult): void;
  /** The load has ended, however it did; may be called if none is running. */
  end(): void;
}

/** A progress bar at a terminal; plain lines, one per load, for anything else. */
export function openScreen(stream: NodeJS.WriteStream): Screen {
  return stream.isTTY ? new Terminal(stream) : new Lines(stream);
}

class Terminal implements Screen {
  private bar: SingleBar | null = null;
  private load: Load | null = null;

  constructor(private readonly stream: NodeJS.WriteStream) {}

  line(text: string): void {
    this.stream.write(`${text}\n`);
  }

  begin(load: Load): void {
    this.load = load;
    this.line(load.name);
    const format = "  {bar} {percentage}%  {rate} requests/s  {mb} MB/s  {errors} errors";
    const options = { format, stream: this.stream, hideCursor: true, barsize: 30 };
    this.bar = new SingleBar(options, Presets.shades_classic);
    this.bar.start(1_000, 0, { rate: "0", mb: "0", errors: "0" });
  }

  tick(soFar: LoadResult): void {
    const { load } = this;
    if (load === null) return;
    this.bar?.update(Math.floor(1_000 * progress(load, soFar)), payload(soFar));
  }

  end(): void {
    this.bar?.stop();
    this.bar = null;
    this.load = null;
  }
}

class Lines implements Screen {
  private last: LoadResult | null = null;

  constructor(private readonly stream: NodeJS.WriteStream) {}

  line(text: string): void {
    this.stream.write(`${text}\n`);
  }

  begin(): void {
    this.last = null;
  }

  tick(soFar: LoadResult): void {
    this.last = soFar;
  }

  end(): void {
    if (this.last === null) return;
    const { rate, mb, errors } = payload(this.last);
    this.line(`${this.last.name}: ${rate} requests/s, ${mb} MB/s, ${errors} errors`);
    this.last = null;
  }
}

/** How far a load is, 0…1. */
function progress(load: Load, { requests, elapsedMs }: LoadResult): number {
  const { batchesMax = Number.POSITIVE_INFINITY, connections, durationMs } = load;
  return Math.min(1, Math.max(elapsedMs / durationMs, requests / (batchesMax * connections)));
}

function payload(soFar: LoadResult): { rate: string; mb: string; errors: string } {
  return {
    rate: formatCount(requestsPerSecond(soFar)),
    mb: megabytesPerSecond(soFar).toFixed(1),
    errors: formatCount(soFar.errors),
  };
}
