import { resolve } from "node:path";
import { formatCounted } from "../../base/quantity.ts";
import type { AccessLogOptions } from "../../config/options.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Fields } from "../../relay/events.ts";
import type { Handlers } from "../../relay/observer.ts";
import { Condition, WINDOW_MS } from "../limit.ts";
import type { Logger } from "../log.ts";
import { accessLine } from "./line.ts";
import { descriptorTarget, FileTarget, type LineTarget } from "./target.ts";
import { LineWriter, type WriterOptions, writerDefaults } from "./writer.ts";

/** The access log: a line for each relay when it ends, and also earlier if the options say so. */
export class AccessLog implements Handlers {
  /** Only set if starts are logged: see {@link Observer.wantsStarts}. */
  readonly relayStarted?: NonNullable<Handlers["relayStarted"]>;
  readonly writer: LineWriter;
  private readonly stuck: Condition;
  private cause = "";
  /** How many dropped lines were already reported. */
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
            `access log ${target.name}: cannot be reopened (${cause}); the old file stays in use`,
          ),
      },
      writing,
    );
    if (options.starts) {
      this.relayStarted = ({ relay }) => this.writer.write(accessLine("start", relay));
    }
  }

  /**
   * Opens the target that the options name.
   *
   * @throws TargetError if a file cannot be opened
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

  /** From now on also logs relays that have run for long, if the options say so. */
  watch(engine: Pick<Engine, "relays">): void {
    const { everyMs } = this.options;
    if (everyMs === 0) return;
    this.timer = setInterval(() => void this.tellRunning(engine), everyMs);
    this.timer.unref();
  }

  /** Reopens the file, because someone has moved the old one away. */
  reopen(): void {
    this.writer.reopen();
  }

  /** Writes what is queued, for at most this many milliseconds. */
  async close(withinMs: number): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    const before = this.writer.dropped;
    await this.writer.close(withinMs);
    this.stuck.flush();
    const left = this.writer.dropped - before;
    if (left > 0) {
      const some = formatCounted(left, "line");
      this.log.warn(`access log ${this.target.name}: ${some} could not be written in time`);
    }
  }

  /** However many relays run, their lines fill at most half of the queue. */
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
      this.log.warn(`access log ${name}: ${this.cause}; lines that do not fit in are dropped`);
      return;
    }
    const dropped = this.writer.dropped - this.toldDropped;
    this.toldDropped = this.writer.dropped;
    const loss = dropped === 0 ? "no line" : formatCounted(dropped, "line");
    this.log.info(`access log ${name} works again: ${loss} dropped`);
  }
}

/**
 * The open descriptor that a path stands for; null for any other path. Only the system creates such
 * links, so the path can be trusted.
 */
function descriptorAt(given: string): number | null {
  const path = resolve(given);
  if (path === "/dev/stdout") return 1;
  if (path === "/dev/stderr") return 2;
  const [, number] = /^\/(?:dev|proc\/self)\/fd\/(\d{1,6})$/.exec(path) ?? [];
  return number === undefined ? null : Number(number);
}
