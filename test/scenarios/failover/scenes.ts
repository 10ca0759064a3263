import { expect } from "bun:test";
import { waitFor } from "../../fixtures/wait.ts";
import type { Failure, Resident } from "./load.ts";
import type { RedisProcess } from "./redis-process.ts";
import { FALL_MS, type Stage } from "./stage.ts";

/** Short connections that a scene goes on for, when what it is about has been found out. */
const ENOUGH = 300;
/** The same where impatient clients have to leave meanwhile. */
const PLENTY = 1_000;
/** What a busy machine may add to the time in which checks find something out. */
const SLACK_MS = 2_000;
/** Threads' clocks are apart by so much at most. */
const CLOCKS_MS = 20;

/** What a scene has come to. */
export interface Outcome {
  readonly what: string;
  /** Milliseconds until the upstream was told to be down; null when it never was. */
  readonly fallMs: number | null;
  /** Short connections in it, those that failed, and those that were late. */
  readonly made: number;
  readonly failures: number;
  readonly late: number;
  /** When the last of these was begun, in milliseconds after the beginning; null without any. */
  readonly lastFailureMs: number | null;
  readonly lastLateMs: number | null;
}

/** The process of an upstream ends, and comes back after a while. */
export async function killed(stage: Stage, redis: RedisProcess): Promise<Outcome> {
  const scene = await Scene.begin(stage, redis);
  await redis.kill();
  const deadAt = performance.now();
  const downAt = await scene.untilDown();
  await scene.goOn();
  await scene.othersLive();
  expect(scene.mine.every(({ lostBecause }) => lostBecause !== null)).toBe(true);
  await redis.restart();
  await scene.untilBack();
  await scene.end();
  // Refused dials are followed by others: only who was there when it ended was hurt.
  scene.nobodyFailsAfter(deadAt);
  scene.toldInOrder(1);
  return scene.outcome("killed", downAt);
}

/** An upstream answers nothing for a while, though the kernel accepts connections for it. */
export async function hung(stage: Stage, redis: RedisProcess): Promise<Outcome> {
  const scene = await Scene.begin(stage, redis);
  redis.hang();
  const downAt = await scene.untilDown();
  expect(downAt - scene.since).toBeLessThan(FALL_MS + SLACK_MS);
  scene.close();
  await scene.goOn(PLENTY);
  await scene.othersLive();
  await scene.nobodyTrespasses();
  scene.open();
  redis.wake();
  await scene.untilBack();
  // Relays that it had are not ended, as nobody has asked for that: they go on.
  expect(scene.mine.map(({ lostBecause }) => lostBecause)).toEqual(scene.mine.map(() => null));
  await waitFor(() => scene.mine.every(({ waitsForMs }) => waitsForMs < 500), "they are answered");
  await scene.end();
  // Whoever was given to it before has waited, or has left.
  scene.nobodyFailsAfter(scene.since);
  await scene.nobodyTrespasses();
  scene.toldInOrder(1);
  return scene.outcome("hung", downAt);
}

/** An upstream is away for a moment only, which checks may see or not. */
export async function restarted(stage: Stage, redis: RedisProcess): Promise<Outcome> {
  const scene = await Scene.begin(stage, redis);
  await redis.kill();
  const deadAt = performance.now();
  await redis.restart();
  await scene.goOn();
  await scene.othersLive();
  await scene.untilBack();
  await scene.end();
  scene.nobodyFailsAfter(deadAt);
  scene.toldInOrder();
  return scene.outcome("restarted", scene.downAt);
}

/** What is common to all of them. */
class Scene {
  readonly since = performance.now();
  /** Residents of the upstream that it is about, and all others with what they had got. */
  readonly mine: readonly Resident[];
  private readonly others = new Map<Resident, number>();
  private readonly madeBefore: number;
  private readonly linesBefore: number;

  static async begin(stage: Stage, redis: RedisProcess): Promise<Scene> {
    return new Scene(stage, redis, await stage.homes());
  }

  private constructor(
    private readonly stage: Stage,
    private readonly redis: RedisProcess,
    homes: ReadonlyMap<string, Resident[]>,
  ) {
    this.mine = homes.get(redis.name) ?? [];
    expect(this.mine.length).toBeGreaterThan(0);
    for (const [home, residents] of homes) {
      if (home === redis.name) continue;
      for (const one of residents) this.others.set(one, one.answers);
    }
    expect(this.others.size).toBeGreaterThan(0);
    this.madeBefore = this.load.made;
    this.linesBefore = stage.lines.length;
  }

  private get load() {
    const { load } = this.stage;
    if (load === null) throw new Error("there is a load");
    return load;
  }

  /** Those that were begun since the scene has. */
  private get failures(): readonly Failure[] {
    return this.load.failures.filter(({ endedAt }) => endedAt >= this.since);
  }

  get downAt(): number | null {
    return this.stage.told(this.redis, this.since).find(({ to }) => to === "down")?.at ?? null;
  }

  /** @returns when it was told */
  async untilDown(): Promise<number> {
    await waitFor(
      () => this.downAt !== null,
      () => `it is down: ${this.story}`,
    );
    return this.downAt as number;
  }

  /** The load goes on for a while. */
  async goOn(count = ENOUGH): Promise<void> {
    const { made } = this.load;
    await waitFor(() => this.load.made >= made + count, "the load goes on");
  }

  /** It is well, has its whole weight again, and its share of the relays. */
  async untilBack(): Promise<void> {
    const { stage, redis } = this;
    const isBack = () => {
      const { health, isOpen, effectiveWeight } = stage.view(redis);
      return health === "up" && isOpen && effectiveWeight === 1;
    };
    await waitFor(isBack, () => `it is back: ${this.story}`);
    await this.untilShared();
  }

  /** Of some relays that end one after the other it has had about a third. */
  private async untilShared(): Promise<void> {
    const { stage, redis } = this;
    const counts = () => stage.redises.map((one) => stage.servedBy(one));
    let before = counts();
    let share = 0;
    const isShared = () => {
      const served = counts().map((count, index) => count - (before[index] ?? 0));
      const sum = served.reduce((total, one) => total + one);
      if (sum < ENOUGH) return false;
      // Those that were begun before count as well: the next ones may be more even.
      before = counts();
      share = (served[stage.redises.indexOf(redis)] ?? 0) / sum;
      return share > 0.28 && share < 0.39;
    };
    await waitFor(isShared, () => `it has its share, now ${share}: ${this.story}`);
  }

  /** Residents of other upstreams have noticed nothing, and are answered. */
  async othersLive(): Promise<void> {
    const others = [...this.others];
    await waitFor(
      () =>
        others.every(([{ answers, waitsForMs }, before]) => answers > before && waitsForMs < 500),
      "the residents of other upstreams are answered",
    );
    expect(others.filter(([{ lostBecause }]) => lostBecause !== null)).toEqual([]);
  }

  /** The residents that have lost their connection come again. */
  async end(): Promise<void> {
    await this.othersLive();
    const { stage } = this;
    const lost = stage.residents.filter(({ lostBecause }) => lostBecause !== null);
    for (const one of lost) stage.residents.splice(stage.residents.indexOf(one), 1);
    await stage.settle(lost.length);
  }

  /** From now on nobody may be given to it. */
  close(): void {
    const from = performance.timeOrigin + performance.now() + CLOCKS_MS;
    this.stage.closed = { upstream: this.redis.name, from, until: Number.POSITIVE_INFINITY };
  }

  async nobodyTrespasses(): Promise<void> {
    const { stage } = this;
    const running = (await stage.running.engine.relays()).filter((relay) =>
      stage.isTrespasser(relay),
    );
    const all = [...stage.trespassers, ...running].map(
      ({ startedAt, durationMs, reason }) =>
        `${startedAt - (stage.closed?.from ?? 0)} ms after: ${reason} after ${durationMs} ms`,
    );
    expect(all, this.story).toEqual([]);
  }

  /** From now on somebody may, again. */
  open(): void {
    const { stage } = this;
    const until = performance.timeOrigin + performance.now();
    if (stage.closed !== null) stage.closed = { ...stage.closed, until };
  }

  nobodyFailsAfter(moment: number): void {
    const late = this.failures.filter(({ startedAt }) => startedAt > moment);
    expect(late.map(({ startedAt, why }) => `${why} ${startedAt - moment} ms after`)).toEqual([]);
  }

  /**
   * Each change is told once, to observers and in the log, and follows from the one before.
   *
   * @param downs how often it is said to be down; any number unless given
   */
  toldInOrder(downs?: number): void {
    const all = this.stage.events.filter(({ at }) => at >= this.since);
    for (const [upstream, told] of Map.groupBy(all, (event) => event.upstream)) {
      let status: string = "up";
      for (const { from, to } of told) {
        expect(`${upstream} ${from}`, this.story).toBe(`${upstream} ${status}`);
        expect(to, this.story).not.toBe(from);
        status = to;
      }
    }
    const told = this.stage.told(this.redis, this.since);
    expect(told.at(-1)?.to ?? "up", this.story).toBe("up");
    if (downs !== undefined) {
      expect(told.filter(({ to }) => to === "down").length, this.story).toBe(downs);
    }
    const lines = this.stage.lines.slice(this.linesBefore);
    const changes = lines.filter((line) =>
      / (is (up|down|ejected)|may be tried again): /.test(line),
    );
    expect(changes).toEqual(
      all.map(({ upstream, to, why, isUntried }) => {
        const how = isUntried ? "may be tried again" : `is ${to}`;
        return `cache: upstream ${upstream} ${how}: ${why}`;
      }),
    );
  }

  outcome(what: string, downAt: number | null): Outcome {
    const { failures, since } = this;
    const late = this.load.late.filter(({ startedAt }) => startedAt >= since);
    return {
      what,
      fallMs: downAt === null ? null : downAt - since,
      made: this.load.made - this.madeBefore,
      failures: failures.length,
      late: late.length,
      lastFailureMs: lastOf(failures, since),
      lastLateMs: lastOf(late, since),
    };
  }

  private get story(): string {
    const told = this.stage.told(this.redis, this.since);
    const events = told.map(
      ({ at, from, to, why }) => `${Math.round(at - this.since)} ms: ${from} → ${to}, ${why}`,
    );
    return events.join("; ");
  }
}

function lastOf(failures: readonly Failure[], since: number): number | null {
  return failures.length === 0
    ? null
    : Math.max(...failures.map(({ startedAt }) => startedAt - since));
}
