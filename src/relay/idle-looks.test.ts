import { describe, expect, test } from "bun:test";
import { TestClock } from "../base/test-clock.ts";
import { Idleness, type IdleTimed, idleLooks } from "./idle-looks.ts";

/** Counts looks as a relay's story does. */
class Relay implements IdleTimed {
  moved = 0;
  endedAt: number | null = null;
  private before = 0;
  private still = 0;

  constructor(private readonly clock: TestClock) {}

  lookIdle(): number {
    this.still = this.moved === this.before ? this.still + 1 : 0;
    this.before = this.moved;
    return this.still;
  }

  retire(): void {
    this.endedAt = this.clock.now();
  }
}

describe.each([10_000, 3_600_000])("an idle timeout of %d ms", (timeoutMs) => {
  // The last byte may come at any time between two looks.
  test.each([0, 0.001, 0.01, 0.02, 0.039, 0.5, 0.99, 1.003])(
    "a last byte after %d of it: the relay ends in time, at most a twentieth late",
    (share) => {
      using clock = new TestClock();
      const relay = new Relay(clock);
      idleLooks<Relay>(timeoutMs, Idleness.Both, "idle_timeout", clock).add(relay);
      if (share > 0) {
        // Until then it is never still.
        for (let step = 0; step < 100; step++) {
          clock.pass((share * timeoutMs) / 100);
          relay.moved++;
        }
      }
      const lastAt = clock.now();
      clock.pass(2 * timeoutMs);
      const idleMs = (relay.endedAt ?? Number.POSITIVE_INFINITY) - lastAt;
      expect(idleMs).toBeGreaterThanOrEqual(timeoutMs * 0.999_999);
      expect(idleMs).toBeLessThanOrEqual(timeoutMs * 1.05);
    },
  );
});
