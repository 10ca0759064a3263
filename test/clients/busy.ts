import { seeded, sizesUpTo } from "../fixtures/random.ts";
import { valueFor } from "./scene.ts";
import { HungError, type StoreClient } from "./store.ts";

/** Bytes of the largest value. */
const SIZE_MAX = 64 * 1024;

/**
 * Clients that set and get without a pause, whatever happens to their connections, and judge every
 * outcome: a right answer and a clean error are allowed, a wrong answer and a hung call are not.
 */
export class Busy {
  /** Calls that were answered rightly. */
  right = 0;
  /** Calls that failed with an error. */
  errors = 0;
  /** What must not happen, one clause each. */
  readonly faults: string[] = [];
  private isStopping = false;
  /** How often the upstream has forgotten everything. */
  private oblivions = 0;
  private readonly loops: Promise<void>[];

  constructor(clients: readonly StoreClient[]) {
    this.loops = clients.map((client, index) => this.loop(client, index));
  }

  /** The upstream has lost its values: whoever set one before and gets it after finds none. */
  upstreamForgot(): void {
    this.oblivions++;
  }

  /** Lets the calls that were begun come to their end. */
  async stop(): Promise<void> {
    this.isStopping = true;
    await Promise.all(this.loops);
  }

  private async loop(client: StoreClient, clientIndex: number): Promise<void> {
    const size = sizesUpTo(SIZE_MAX, seeded(clientIndex + 1));
    for (let round = 0; !this.isStopping; round++) {
      // Each key is set once, so that there is one right answer, or none where the call failed.
      const index = clientIndex * 1_000_000 + round;
      const value = valueFor(index, size());
      const { oblivions } = this;
      const isSet = await this.judge(client.set(`key${index}`, value), () => null);
      await this.judge(client.get(`key${index}`), (answer) => {
        const mustBeThere = isSet && this.oblivions === oblivions;
        if (answer === null) return mustBeThere ? `key${index} is lost` : null;
        return value.equals(answer) ? null : `key${index} is wrong`;
      });
    }
  }

  /** @returns whether the call was answered */
  private async judge<T>(call: Promise<T>, fault: (answer: T) => string | null): Promise<boolean> {
    try {
      const found = fault(await call);
      if (found === null) this.right++;
      else this.faults.push(found);
      return true;
    } catch (error) {
      if (error instanceof HungError) this.faults.push(error.message);
      else if (!(error instanceof Error)) this.faults.push(`not an error: ${error}`);
      this.errors++;
      // A client that fails at once must not keep the loop from everybody else.
      await Bun.sleep(2);
      return false;
    }
  }
}

/** Waits until a client works: it may need a moment to connect again. @throws its last error */
export async function untilWorking(client: StoreClient, index: number): Promise<void> {
  const value = valueFor(index, 1_000);
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      await client.set(`again${index}`, value);
      const answer = await client.get(`again${index}`);
      if (answer !== null && value.equals(answer)) return;
      throw new HungError(`again${index} is wrong`);
    } catch (error) {
      if (error instanceof HungError || performance.now() > deadline) throw error;
      await Bun.sleep(10);
    }
  }
}
