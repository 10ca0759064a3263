import { type Moment, type Sample, sample } from "./sample.ts";

/** How often samples are taken, and how long they are kept: at most 720. */
export const EVERY_MS = 5_000;
const KEPT_MS = 3_600_000;

/** What `GET /api/history` answers. */
export interface HistoryDocument {
  /** One every 5 s for the last hour, oldest first. */
  samples: readonly Sample[];
}

/** The samples that the charts show for the last hour, so that they are not empty at first. */
export class Past {
  private readonly kept: Sample[] = [];
  private before: Moment | null = null;
  private timer: ReturnType<typeof setInterval> | null = null;

  get samples(): readonly Sample[] {
    return this.kept;
  }

  /** Starts to take samples. @param moment reads the proxy's figures */
  begin(moment: () => Moment): void {
    this.timer = setInterval(() => this.look(moment()), EVERY_MS);
    this.timer.unref();
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
  }

  private look(now: Moment): void {
    this.kept.push(sample(Date.now() / 1_000, this.before, now));
    if (this.kept.length > KEPT_MS / EVERY_MS) this.kept.shift();
    this.before = now;
  }
}
