import { Presets, SingleBar } from "cli-progress";
import { formatSeconds } from "./format.ts";

/** Shows a run's progress on stderr: a bar at a terminal, otherwise a line per part. */
export class Progress {
  private readonly startedAt = performance.now();
  private readonly bar: SingleBar | null;
  private done = -1;
  private part = "";

  /** @param total how many steps there are; they should take about the same time */
  constructor(private readonly total: number) {
    if (!process.stderr.isTTY) {
      this.bar = null;
      return;
    }
    const format = "{bar} {percentage}% · {left} left · {what}";
    this.bar = new SingleBar({ format, hideCursor: true, barsize: 30 }, Presets.shades_classic);
    this.bar.start(total, 0, { left: "?", what: "" });
  }

  /** A step begins. @param part the part that it belongs to @param detail its name */
  step(part: string, detail: string): void {
    this.done++;
    const left = this.left();
    this.bar?.update(this.done, { left, what: `${part}: ${detail}` });
    if (this.bar === null && part !== this.part) {
      process.stderr.write(`${part} (${this.done} of ${this.total} rounds done, ${left} left)\n`);
    }
    this.part = part;
  }

  /** Takes the bar away. */
  finish(): void {
    this.bar?.update(this.total, { left: "0 s", what: "" });
    this.bar?.stop();
  }

  private left(): string {
    if (this.done < 1) return "?";
    const elapsed = (performance.now() - this.startedAt) / 1_000;
    return formatSeconds((elapsed / this.done) * (this.total - this.done));
  }
}
