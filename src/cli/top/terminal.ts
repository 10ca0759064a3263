import { writeSync } from "node:fs";
import { standardStream } from "../output.ts";
import { widthOf } from "../text-table.ts";
import type { Line, Look, Size } from "./frame.ts";

/** What a terminal tells. */
export interface TerminalEvents {
  /** Keys were pressed. */
  keys(text: string): void;
  /** It has another size. */
  resized(): void;
  /** A signal came, or nobody is there any more. @param code what the program should exit with */
  ended(code: number): void;
}

/** The screen of its own, without a cursor; and back, from whatever state the last line has left. */
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[2J";
const LEAVE = "\u0018\u001b[0m\u001b[?25h\u001b[?1049l";
const CLEAR = "\u001b[2J";
const PLAIN = "\u001b[0m";

/** A terminal that does not say how large it is. */
const USUAL: Size = { columns: 80, rows: 24 };

/** Milliseconds that a terminal gets to take the last that is written to it. */
const PATIENCE_MS = 1_000;

/** What ends a program at a terminal, with the exit codes that shells know. */
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
 * The terminal that this process was started in, as long as it shows something that changes: another
 * screen, without a cursor, keys one by one. However the process ends, short of SIGKILL, it is left as
 * it was found.
 */
export class Terminal {
  private readonly output = standardStream("stdout");
  private readonly input = process.stdin;
  private readonly looks: Readonly<Record<Look, string>>;
  private isOpen = false;
  private undo: (() => void)[] = [];

  /** @param hasColors whether what is bad may be red, or else bold */
  constructor(hasColors: boolean) {
    this.looks = hasColors ? colored : { ...colored, bad: colored.strong };
  }

  /** Whether this process has one. */
  static get isThere(): boolean {
    return standardStream("stdout").isTTY === true;
  }

  get size(): Size {
    const { columns, rows } = this.output;
    // What is 0 or unknown is a line that nobody has told its size.
    return { columns: columns || USUAL.columns, rows: rows || USUAL.rows };
  }

  /** Takes the terminal over. */
  open(events: TerminalEvents): void {
    this.isOpen = true;
    this.listen(process, "exit", () => this.leave());
    for (const [signal, code] of SIGNALS) this.listen(process, signal, () => events.ended(code));
    this.listen(process, "SIGWINCH", () => {
      this.output.write(CLEAR);
      events.resized();
    });
    // Its owner has put this program back to the front: whatever was there meanwhile goes.
    this.listen(process, "SIGCONT", () => {
      if (!this.isOpen) return;
      // Its shell may have changed it back, which the stream does not know.
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

  /** Shows these lines from the top; they have to fit. A terminal that is still busy is left alone. */
  draw(lines: readonly Line[]): void {
    if (!this.isOpen || this.output.writableNeedDrain) return;
    const { columns } = this.size;
    // Each line begins by saying where it is, and overwrites all that was there: nothing flickers.
    const texts = lines.map(({ text, look }, index) => {
      const rest = " ".repeat(Math.max(0, columns - widthOf(text)));
      return `\u001b[${index + 1};1H${this.looks[look]}${text}${rest}${PLAIN}`;
    });
    this.output.write(texts.join(""));
  }

  /** Gives the terminal back, when it has taken what was written before. */
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

  /** At once, as there may be no later. */
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
      // The terminal is gone, or takes nothing: there is nobody to leave it to.
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: handlers of all kinds of events
  private listen(emitter: NodeJS.EventEmitter, event: string, handler: (...args: any[]) => void) {
    emitter.on(event, handler);
    this.undo.push(() => emitter.off(event, handler));
  }
}
