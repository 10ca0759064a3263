import { writeSync } from "node:fs";
import { standardStream } from "../output.ts";
import { widthOf } from "../text-table.ts";
import type { Line, Look, Size } from "./frame.ts";

/** Receives the events of a terminal. */
export interface TerminalEvents {
  /** Keys were pressed. */
  keys(text: string): void;
  /** Its size has changed. */
  resized(): void;
  /** A signal came, or the terminal is gone. @param code the exit code for the program */
  ended(code: number): void;
}

/**
 * Switches to the alternate screen without a cursor, and back, whatever state the last line left.
 */
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[2J";
const LEAVE = "\u0018\u001b[0m\u001b[?25h\u001b[?1049l";
const CLEAR = "\u001b[2J";
const PLAIN = "\u001b[0m";

/** The size of a terminal that does not report one. */
const USUAL: Size = { columns: 80, rows: 24 };

/** How long a terminal may take for the last output, in milliseconds. */
const PATIENCE_MS = 1_000;

/** The signals that end a program at a terminal, with the usual exit codes. */
const SIGNALS: readonly (readonly [NodeJS.Signals, number])[] = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
  ["SIGQUIT", 131],
];

const colored: Readonly<Record<Look, string>> = {
  plain: "",
  head: "\u001b[7m",
  strong: "\u001b[1m",
  faint: "\u001b[2m",
  bad: "\u001b[31m",
};

/**
 * The terminal of this process while it shows a live screen: alternate
 * screen, no cursor, single keys. However the process ends (except by SIGKILL), the terminal is
 * left as it was found.
 */
export class Terminal {
  private readonly output = standardStream("stdout");
  private readonly input = process.stdin;
  private readonly looks: Readonly<Record<Look, string>>;
  private isOpen = false;
  private undo: (() => void)[] = [];

  /** @param hasColors whether problems are red; otherwise bold */
  constructor(hasColors: boolean) {
    this.looks = hasColors ? colored : { ...colored, bad: colored.strong };
  }

  /** Whether this process has one. */
  static get isThere(): boolean {
    return standardStream("stdout").isTTY === true;
  }

  get size(): Size {
    const { columns, rows } = this.output;
    // 0 or unknown: a terminal line without a configured size.
    return { columns: columns || USUAL.columns, rows: rows || USUAL.rows };
  }

  /** Takes over the terminal. */
  open(events: TerminalEvents): void {
    this.isOpen = true;
    this.listen(process, "exit", () => this.leave());
    for (const [signal, code] of SIGNALS) this.listen(process, signal, () => events.ended(code));
    this.listen(process, "SIGWINCH", () => {
      this.output.write(CLEAR);
      events.resized();
    });
    // The program is in the foreground again: clear what was shown meanwhile.
    this.listen(process, "SIGCONT", () => {
      if (!this.isOpen) return;
      // The shell may have reset the mode, which the stream does not know.
      if (this.input.isTTY) this.input.setRawMode(false);
      this.enter();
      events.resized();
    });
    if (this.input.isTTY) {
      this.listen(this.input, "data", (bytes: Buffer) => events.keys(bytes.toString("latin1")));
      for (const end of ["end", "error"]) this.listen(this.input, end, () => events.ended(0));
      this.input.resume();
    }
    this.enter();
  }

  /** Shows lines from the top; they must fit. Skips a terminal that is still busy. */
  draw(lines: readonly Line[]): void {
    if (!this.isOpen || this.output.writableNeedDrain) return;
    const { columns } = this.size;
    // Each line begins with its position and overwrites the old one, so nothing flickers.
    const texts = lines.map(({ text, look }, index) => {
      const rest = " ".repeat(Math.max(0, columns - widthOf(text)));
      return `\u001b[${index + 1};1H${this.looks[look]}${text}${rest}${PLAIN}`;
    });
    this.output.write(texts.join(""));
  }

  /** Gives the terminal back after its pending output. */
  async close(): Promise<void> {
    if (!this.isOpen) return;
    const written = new Promise<void>((resolve) => this.output.write(PLAIN, () => resolve()));
    await Promise.race([written, Bun.sleep(PATIENCE_MS)]);
    this.leave();
    for (const one of this.undo.splice(0)) one();
  }

  private enter(): void {
    if (this.input.isTTY) this.input.setRawMode(true);
    this.output.write(ENTER);
  }

  /** At once, because the process may end. */
  private leave(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    if (this.input.isTTY) {
      this.input.setRawMode(false);
      this.input.pause();
    }
    try {
      writeSync(1, LEAVE);
    } catch {
      // The terminal is gone, or takes nothing.
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: handlers of all kinds of events
  private listen(emitter: NodeJS.EventEmitter, event: string, handler: (...args: any[]) => void) {
    emitter.on(event, handler);
    this.undo.push(() => emitter.off(event, handler));
  }
}
