import { afterEach, beforeEach, describe, expect, mock, spyOn, test } from "bun:test";
import { ECHO_MS, type StopSignal, StopSignals } from "./signals.ts";

// Signals as Node emits them, at times that a test decides.

let now = 0;
let exits: (number | undefined)[] = [];

beforeEach(() => {
  now = 1_000;
  exits = [];
  const exit = (code?: number) => void exits.push(code);
  spyOn(process, "exit").mockImplementation(exit as typeof process.exit);
});

afterEach(() => {
  for (const signal of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signal);
  mock.restore();
});

function signalled(signal: StopSignal, afterMs = 0): void {
  now += afterMs;
  process.emit(signal);
}

/** The next one; "nothing" when none has come. */
function nextOf(signals: StopSignals): Promise<StopSignal | "nothing"> {
  return Promise.race([signals.next(), Bun.sleep(0).then(() => "nothing" as const)]);
}

describe("signals that ask to end", () => {
  test("one that comes twice within a moment is one", async () => {
    const signals = new StopSignals(() => now);
    signalled("SIGINT");
    signalled("SIGINT", ECHO_MS - 1);
    expect(exits).toEqual([]);
    expect(await nextOf(signals)).toBe("SIGINT");
    expect(await nextOf(signals)).toBe("nothing");
  });

  test("one that comes again later is another", async () => {
    const signals = new StopSignals(() => now);
    signalled("SIGINT");
    expect(await nextOf(signals)).toBe("SIGINT");
    signalled("SIGINT", ECHO_MS);
    expect(await nextOf(signals)).toBe("SIGINT");
  });

  test("a moment is counted from the first: a key that is held down is not one signal", async () => {
    const signals = new StopSignals(() => now);
    signalled("SIGINT");
    expect(await nextOf(signals)).toBe("SIGINT");
    for (let passed = 0; passed < ECHO_MS; passed += 50) signalled("SIGINT", 50);
    expect(await nextOf(signals)).toBe("SIGINT");
  });

  test("one of the other kind is another at once", async () => {
    const signals = new StopSignals(() => now);
    signalled("SIGINT");
    expect(await nextOf(signals)).toBe("SIGINT");
    signalled("SIGTERM");
    expect(await nextOf(signals)).toBe("SIGTERM");
  });

  test("one that nobody takes, and another, end the program where it stands", () => {
    new StopSignals(() => now);
    signalled("SIGTERM");
    signalled("SIGTERM", ECHO_MS);
    expect(exits).toEqual([143]);
  });

  test("the echo of the last one does not cut off what is said at the end", () => {
    const signals = new StopSignals(() => now);
    signalled("SIGINT");
    signals.exitAtOnce();
    signalled("SIGINT", 1);
    expect(exits).toEqual([]);
    signalled("SIGINT", ECHO_MS);
    expect(exits).toEqual([130]);
  });
});
