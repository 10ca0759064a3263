import { type Moment, type Sample, sample } from "./sample.ts";

/** Between two samples, and for how long they are kept: 720 at most. */
export const EVERY_MS = 5_000;
const KEPT_MS = 3_600_000;

/** What `GET /api/history` answers. */
export interface HistoryDocument {
  /** Of the last hour, one every 5 s, oldest first. */
  samples: readonly Sample[];
}

/** What charts show of the last hour, so that they are not empty when somebody opens the page. */
export class Past {
  private readonly kept: Sample[] = [];
  private before: Moment | null = null;
  private timer: ReturnType<typeof setInterval> | null = null;

  get samples(): readonly Sample[] {
    return this.kept;
  }

  /** Looks from now on. @param moment how the proxy stands */
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
