import type { RelaysDocument } from "../../admin/api.ts";
import { isSameProcess, sample } from "../../admin/sample.ts";
import type { StateDocument } from "../../admin/state.ts";
import { formatDuration } from "../../base/quantity.ts";
import { relaysAnswer, stateAnswer } from "../admin-answers.ts";
import type { AdminClient } from "../admin-client.ts";
import { StartError } from "../start-error.ts";
import { frame, type Size, type View } from "./frame.ts";
import { type Order, queryOf, wishOf } from "./order.ts";
import { RelayRates } from "./relay-rates.ts";
import type { Terminal } from "./terminal.ts";

/** The time between two looks, in milliseconds. */
const EVERY_MS = 1_000;
/** The most relays that one look asks for. */
const RELAYS_MAX = 1_000;

/** Looks at a proxy repeatedly; each look shows what happened since the last one. */
export class Watch {
  private readonly rates = new RelayRates();
  private last: StateDocument | null = null;

  constructor(private readonly client: AdminClient) {}

  /** @throws StartError if the proxy does not answer */
  async look(order: Order, relays: number): Promise<View> {
    const limit = Math.min(RELAYS_MAX, Math.max(1, relays));
    const [state, list] = await Promise.all([
      this.client.request<StateDocument>("GET", "/api/state", stateAnswer),
      this.client.request<RelaysDocument>(
        "GET",
        `/api/relays?${queryOf(order, limit)}`,
        relaysAnswer,
      ),
    ]);
    const before = this.last;
    this.last = state;
    if (before !== null && !isSameProcess(before, state)) this.rates.forget();
    return {
      state,
      sample: sample(Date.now() / 1_000, before, state),
      relays: list,
      rates: this.rates.update(list.relays),
      order,
      trouble: null,
    };
  }
}

/** Text for an output that is no terminal: one look, compared with an earlier one. */
export async function snapshot(watch: Watch, order: Order, relays: number): Promise<string> {
  await watch.look(order, relays);
  await Bun.sleep(EVERY_MS);
  const size: Size = { columns: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY };
  const lines = frame(await watch.look(order, relays), size);
  return `${lines.map(({ text }) => text).join("\n")}\n`;
}

/** Shows a proxy live on a terminal. */
export class Top {
  private view: View | null = null;
  private answeredAt = 0;
  /** Ends any wait. */
  private wake = () => {};
  /** Ends the pause between two looks. */
  private wanted = Promise.withResolvers<void>();
  private exitCode: number | null = null;

  constructor(
    private readonly watch: Watch,
    private readonly terminal: Terminal,
    private order: Order,
  ) {}

  /**
   * Shows the proxy until a key or a signal ends it.
   *
   * @returns the exit code
   * @throws StartError when the proxy does not answer the first time; the terminal is untouched
   *   then
   */
  async run(): Promise<number> {
    await this.refresh(null);
    try {
      this.terminal.open({
        keys: (text) => this.pressed(text),
        resized: () => this.draw(),
        ended: (code) => this.end(code),
      });
      while (this.exitCode === null) {
        this.draw();
        await this.unlessOver(Promise.race([Bun.sleep(EVERY_MS), this.wanted.promise]));
        this.wanted = Promise.withResolvers();
        // A key to quit must work even if the proxy does not answer.
        if (this.exitCode === null) await this.unlessOver(this.refresh(this.view));
      }
      return this.exitCode;
    } finally {
      await this.terminal.close();
    }
  }

  /**
   * Waits for a promise, or for the end. (Promise.race with one promise for the end would leak a
   * reaction every second.)
   */
  private unlessOver(work: Promise<void>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.wake = resolve;
    work.then(resolve, reject);
    return promise;
  }

  /** @param before what to keep showing if there is no answer; null for nothing */
  private async refresh(before: View | null): Promise<void> {
    try {
      this.view = await this.watch.look(this.order, this.terminal.size.rows);
      this.answeredAt = performance.now();
    } catch (error) {
      if (before === null || !(error instanceof StartError)) throw error;
      const seconds = Math.max(1, Math.round((performance.now() - this.answeredAt) / 1_000));
      const age = formatDuration(1_000 * seconds);
      // The age comes first, because the line may be cut.
      this.view = { ...before, trouble: `what is shown is ${age} old: ${error.message}` };
    }
  }

  private draw(): void {
    if (this.view !== null) this.terminal.draw(frame(this.view, this.terminal.size));
  }

  private pressed(keys: string): void {
    const wish = wishOf(keys, this.order);
    if (wish === "quit") this.end(0);
    else if (wish !== null) {
      this.order = wish;
      this.wanted.resolve();
    }
  }

  private end(code: number): void {
    this.exitCode ??= code;
    this.wake();
  }
}
