import { resolve } from "node:path";
import { formatCount } from "../../base/quantity.ts";
import type { AccessLogOptions } from "../../config/options.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Fields } from "../../relay/events.ts";
import type { Handlers } from "../../relay/observer.ts";
import { Condition, WINDOW_MS } from "../limit.ts";
import type { Logger } from "../log.ts";
import { accessLine } from "./line.ts";
import { descriptorTarget, FileTarget, type LineTarget } from "./target.ts";
import { LineWriter, type WriterOptions, writerDefaults } from "./writer.ts";

/** The access log: a line for each relay at its end, and if that is wanted before. */
export class AccessLog implements Handlers {
  /** Only there when starts are wanted: see {@link Observer.wantsStarts}. */
  readonly relayStarted?: NonNullable<Handlers["relayStarted"]>;
  readonly writer: LineWriter;
  private readonly stuck: Condition;
  private cause = "";
  /** Lines that had been dropped when the log spoke of them. */
  private toldDropped = 0;
  private timer: ReturnType<typeof setInterval> | null = null;
  private isTelling = false;

  /** @param writing see {@link WriterOptions}; for tests */
  constructor(
    private readonly target: LineTarget,
    private readonly options: Omit<AccessLogOptions, "target" | "access">,
    private readonly log: Logger,
    writing: WriterOptions = writerDefaults,
    windowMs = WINDOW_MS,
  ) {
    this.stuck = new Condition((isStuck) => this.tell(isStuck), windowMs);
    this.writer = new LineWriter(
      target,
      {
        stuck: (cause) => {
          this.cause = cause;
          this.stuck.set(true);
        },
        goesOn: () => this.stuck.set(false),
        notReopened: (cause) =>
          log.warn(
            `access log ${target.name}: cannot be opened anew (${cause}), goes on as it was`,
          ),
      },
      writing,
    );
    if (options.starts) {
      this.relayStarted = ({ relay }) => this.writer.write(accessLine("start", relay));
    }
  }

  /**
   * Opens what the options name.
   *
   * @throws TargetError when a file cannot be opened
   */
  static async open(options: AccessLogOptions, log: Logger): Promise<AccessLog> {
    const { target } = options;
    const descriptor = target === "stdout" ? 1 : descriptorAt(target.path);
    const name = target === "stdout" ? target : target.path;
    const opened =
      descriptor === null
        ? await FileTarget.open(name, options.access)
        : descriptorTarget(descriptor, name);
    return new AccessLog(opened, options, log);
  }

  relayEnded({ relay }: Fields<"relayEnded">): void {
    this.writer.write(accessLine("end", relay));
  }

  /** From now on relays that run for long have lines too, if that is wanted. */
  watch(engine: Pick<Engine, "relays">): void {
    const { everyMs } = this.options;
    if (everyMs === 0) return;
    this.timer = setInterval(() => void this.tellRunning(engine), everyMs);
    this.timer.unref();
  }

  /** Opens a file anew: somebody has moved the old one away. */
  reopen(): void {
    this.writer.reopen();
  }

  /** Writes what waits, for so many milliseconds at most. */
  async close(withinMs: number): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    const before = this.writer.dropped;
    await this.writer.close(withinMs);
    this.stuck.flush();
    const left = this.writer.dropped - before;
    if (left > 0) {
      this.log.warn(`access log ${this.target.name}: ${lines(left)} could not be written any more`);
    }
  }

  /** However many run, no more wait here than half of the queue has room for. */
  private async tellRunning(engine: Pick<Engine, "relays">): Promise<void> {
    if (this.isTelling) return;
    this.isTelling = true;
    try {
      for (const relay of await engine.relays()) {
        // They come oldest first.
        if (relay.durationMs < this.options.everyMs) break;
        if (!this.writer.hasRoom) await this.writer.room();
        if (this.timer === null) break;
        this.writer.write(accessLine("running", relay));
      }
    } finally {
      this.isTelling = false;
    }
  }

  private tell(isStuck: boolean): void {
    const { name } = this.target;
    if (isStuck) {
      this.log.warn(`access log ${name}: ${this.cause}; lines that find no room are dropped`);
      return;
    }
    const dropped = this.writer.dropped - this.toldDropped;
    this.toldDropped = this.writer.dropped;
    const loss = dropped === 0 ? "no line was dropped" : `${lines(dropped)} dropped`;
    this.log.info(`access log ${name} goes on: ${loss}`);
  }
}

/**
 * The open descriptor that a path is a name of; null for any other path. The system makes such a link, and
 * nobody else can put one there.
 */
function descriptorAt(given: string): number | null {
  const path = resolve(given);
  if (path === "/dev/stdout") return 1;
  if (path === "/dev/stderr") return 2;
  const [, number] = /^\/(?:dev|proc\/self)\/fd\/(\d{1,6})$/.exec(path) ?? [];
  return number === undefined ? null : Number(number);
}

function lines(count: number): string {
  return count === 1 ? "1 line" : `${formatCount(count)} lines`;
}
