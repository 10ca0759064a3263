import { resolve } from "node:path";
import type { LoopClock } from "../../base/clock.ts";
import { ConfigError } from "../../base/error.ts";
import type { WantedListener } from "../../config/options.ts";
import type { Observer } from "../../relay/observer.ts";
import { PathWatcher } from "../../system/watch-path.ts";
import { ChangedFiles } from "./changed-files.ts";
import type { Expiry } from "./expiry.ts";
import { type Renewable, type Renewed, renewablesOf, renewedListener } from "./renewal.ts";

/** Folders are watched, and yet files are looked at this often: watches may be missing, or late. */
const LOOK_MS = 5_000;
/** How long nothing may happen to the files before they are read: they are written in several steps. */
const SETTLE_MS = 200;
/** They are read after this time even if they go on changing. */
const SETTLE_MAX_MS = 1_000;
/** How long a certificate and its key may not belong together before that is reported. */
const PATIENCE_MS = 4_000;

/** What came of reading certificates again. */
export interface RenewalOutcome {
  /** What is new, such as `the certificate of a.example.org`. */
  readonly renewed: readonly string[];
  /** What cannot be used, and why; the old ones stay. */
  readonly problems: readonly string[];
}

/** What the watch needs of the proxy. */
interface Target {
  /** The listeners as they run. */
  listeners(): readonly WantedListener[];
  /**
   * Gives what was read again to the listeners, after any reload in progress.
   *
   * @returns false if it stops, so that nothing has changed
   */
  take(renewed: Renewed): Promise<boolean>;
  readonly expiry: Pick<Expiry, "look">;
}

/** Something that could not be used when it was read last. */
interface Trouble {
  readonly why: string;
  readonly since: number;
  isTold: boolean;
}

/**
 * Watches the files of certificates, and gives listeners what is new in them. Without such files it
 * does nothing at all. It reads no settings: what else has changed in a configuration waits for a
 * reload.
 */
export class CertificateWatch {
  private watcher: PathWatcher | null = null;
  private readonly files = new ChangedFiles();
  private readonly troubles = new Map<string, Trouble>();
  private cancelLook = () => {};
  /** A look is due that has not begun. */
  private isDue = false;
  /** When the first change was noticed that no look has followed yet; null if there is none. */
  private noticedAt: number | null = null;
  private work: Promise<unknown> = Promise.resolve();
  private isOver = false;

  constructor(
    private readonly target: Target,
    private readonly observer: Observer,
    private readonly clock: LoopClock,
  ) {}

  /** Watches the files of these listeners, which have just been read, instead of those before. */
  follow(listeners: readonly WantedListener[]): void {
    this.watcher?.close();
    this.watcher = null;
    this.cancelLook();
    // What runs may be older than what was seen last: a reload reads its files before its turn comes.
    this.files.forget();
    this.troubles.clear();
    if (this.isOver) return;
    const paths = [...renewablesOf(listeners).values()].flatMap(({ files }) => files);
    if (paths.length === 0) return;
    const distinct = [...new Set(paths.map((path) => resolve(path)))];
    this.watcher = new PathWatcher(distinct, () => this.noticed());
    this.lookIn(SETTLE_MS);
  }

  /** Reads all files now, whatever they look like. */
  async renew(): Promise<RenewalOutcome> {
    this.files.forget();
    return await this.inTurn(() => this.look(0));
  }

  stop(): void {
    this.isOver = true;
    this.watcher?.close();
    this.cancelLook();
  }

  private noticed(): void {
    const now = this.clock.now();
    this.noticedAt ??= now;
    this.lookIn(Math.min(SETTLE_MS, this.noticedAt + SETTLE_MAX_MS - now));
  }

  private lookIn(delayMs: number): void {
    this.cancelLook();
    if (this.isOver) return;
    this.isDue = true;
    this.cancelLook = this.clock.after(delayMs, () => void this.lookNow());
  }

  private async lookNow(): Promise<void> {
    this.isDue = false;
    this.noticedAt = null;
    try {
      await this.inTurn(() => this.look(PATIENCE_MS));
    } finally {
      // Something may have changed meanwhile.
      if (!this.isDue && this.watcher !== null) this.lookIn(LOOK_MS);
    }
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.work.then(work);
    this.work = done.catch(() => {});
    return done;
  }

  /** @param patienceMs problems that are younger are not reported yet */
  private async look(patienceMs: number): Promise<RenewalOutcome> {
    const all = renewablesOf(this.target.listeners());
    const read = new Map<string, Awaited<ReturnType<Renewable["read"]>>>();
    for (const [key, one] of all) {
      const changes = await Promise.all(one.files.map((file) => this.files.hasChanged(file)));
      if (this.isOver) return { renewed: [], problems: [] };
      if (!changes.includes(true) && !this.troubles.has(key)) continue;
      const found = this.readOf(one);
      if (found !== null) read.set(key, found);
    }
    const renewed = await this.take(all, read);
    this.target.expiry.look();
    return { renewed, problems: this.tellTroubles(all, patienceMs) };
  }

  /** @returns null if it cannot be used */
  private readOf(one: Renewable) {
    const { key } = one;
    try {
      const found = one.read();
      this.troubles.delete(key);
      return found;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const why = error.message;
      // Half of a pair after the other one, for example, is one and the same trouble for a while.
      const before = this.troubles.get(key);
      if (before?.why !== why) {
        this.troubles.set(key, { why, since: this.clock.now(), isTold: false });
      }
      return null;
    }
  }

  /** @returns what is new of that */
  private async take(all: ReadonlyMap<string, Renewable>, read: Renewed): Promise<string[]> {
    const listeners = this.target.listeners();
    const news = [...read].filter(([key, found]) => {
      const one = new Map([[key, found]]);
      return listeners.some((listener) => renewedListener(listener, one) !== listener);
    });
    if (news.length === 0) return [];
    if (!(await this.target.take(new Map(news)))) return [];
    const names = news.flatMap(([key]) => all.get(key)?.what ?? []);
    for (const what of names) this.observer.on({ event: "certificateRenewed", what });
    return names;
  }

  /** @returns all troubles */
  private tellTroubles(all: ReadonlyMap<string, Renewable>, patienceMs: number): string[] {
    const now = this.clock.now();
    return [...this.troubles].flatMap(([key, trouble]) => {
      const { what } = all.get(key) ?? {};
      if (what === undefined) {
        this.troubles.delete(key);
        return [];
      }
      const { why, since } = trouble;
      if (!trouble.isTold && now - since >= patienceMs) {
        trouble.isTold = true;
        this.observer.on({ event: "certificateRefused", what, why });
      }
      return [`${what}: ${why}`];
    });
  }
}
