import { describe, expect, test } from "bun:test";
import { relaySummary } from "../test-figures.ts";
import { AccessLog } from "./access-log.ts";
import type { LineTarget } from "./target.ts";
import { writerDefaults } from "./writer.ts";

/** Remembers what it is given, or fails. */
class Memory implements LineTarget {
  readonly name = "memory";
  text = "";
  failure: string | null = null;

  async write(bytes: Uint8Array): Promise<number> {
    const code = this.failure;
    if (code !== null) throw Object.assign(new Error(code), { code });
    this.text += Buffer.from(bytes).toString();
    return bytes.length;
  }
  async reopen(): Promise<void> {
    throw Object.assign(new Error(), { code: "EACCES" });
  }
  async close(): Promise<void> {}

  get lines(): { event: string; id: number }[] {
    const parsed = this.text.split("\n").slice(0, -1);
    return parsed.map((line) => JSON.parse(line));
  }
}

function made(options = {}, queueBytesMax = 10_000) {
  const logged: string[] = [];
  const level = (name: string) => (text: string) => logged.push(`${name} ${text}`);
  const log = { level: 3, debug: level("debug"), info: level("info"), warn: level("warn") };
  const target = new Memory();
  const writing = { ...writerDefaults, queueBytesMax, gatherMs: 0, failedMs: 1 };
  const all = { starts: false, everyMs: 0, ...options };
  const accessLog = new AccessLog(target, all, log as never, writing, 5);
  return { accessLog, target, logged };
}

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; turns < 5_000 && !condition(); turns++) await Bun.sleep(1);
  expect(condition()).toBe(true);
}

test("a line for each relay at its end", async () => {
  const { accessLog, target } = made();
  expect(accessLog.relayStarted).toBeUndefined();
  accessLog.relayEnded({ relay: relaySummary({ id: 1 }) });
  accessLog.relayEnded({ relay: relaySummary({ id: 2 }) });
  await accessLog.close(1_000);
  expect(target.lines).toMatchObject([
    { event: "end", id: 1 },
    { event: "end", id: 2 },
  ]);
});

test("and at its start, and every now and then, when that is wanted", async () => {
  const { accessLog, target } = made({ starts: true, everyMs: 5 });
  accessLog.relayStarted?.({ relay: relaySummary({ id: 1, durationMs: 0, reason: null }) });
  const old = relaySummary({ id: 1, durationMs: 5, reason: null });
  const young = relaySummary({ id: 2, durationMs: 4, reason: null });
  accessLog.watch({ relays: async () => [old, young] });
  await until(() => target.lines.length >= 3);
  await accessLog.close(1_000);
  const [first, ...others] = target.lines;
  expect(first).toMatchObject({ event: "start", id: 1 });
  expect(new Set(others.map(({ event, id }) => `${event} ${id}`))).toEqual(new Set(["running 1"]));
});

test("however many run, none finds the queue full", async () => {
  const { accessLog, target } = made({ everyMs: 5 }, 2_000);
  const relays = Array.from({ length: 50 }, (_, id) => relaySummary({ id, reason: null }));
  let asked = 0;
  accessLog.watch({ relays: async () => (asked++ === 0 ? relays : []) });
  await until(() => target.lines.length === 50);
  await accessLog.close(1_000);
  expect(target.lines.map(({ id }) => id)).toEqual(relays.map(({ id }) => id));
  expect(accessLog.writer.dropped).toBe(0);
});

describe("what the log says", () => {
  test("when lines are dropped, and when it goes on", async () => {
    const { accessLog, target, logged } = made({}, 1_000);
    target.failure = "ENOSPC";
    for (let id = 0; id < 20; id++) accessLog.relayEnded({ relay: relaySummary({ id }) });
    await until(() => logged.length === 1);
    expect(logged).toEqual([
      "warn access log memory: it takes lines too slowly; lines that do not fit in are dropped",
    ]);
    target.failure = null;
    await until(() => logged.length === 2);
    expect(logged[1]).toBe(
      `info access log memory works again: ${accessLog.writer.dropped} lines dropped`,
    );
    await accessLog.close(1_000);
    expect(logged).toHaveLength(2);
  });

  test("why, when writing fails", async () => {
    const { accessLog, target, logged } = made();
    target.failure = "EIO";
    accessLog.relayEnded({ relay: relaySummary() });
    await until(() => logged.length === 1);
    expect(logged[0]).toBe("warn access log memory: EIO; lines that do not fit in are dropped");
    target.failure = null;
    await until(() => logged.length === 2);
    expect(logged[1]).toBe("info access log memory works again: no line dropped");
    await accessLog.close(1_000);
  });

  test("what is left at the end", async () => {
    const { accessLog, target, logged } = made();
    target.failure = "EIO";
    accessLog.relayEnded({ relay: relaySummary() });
    await accessLog.close(1_000);
    expect(logged).toContain("warn access log memory: 1 line could not be written in time");
  });

  test("when it cannot be opened anew", async () => {
    const { accessLog, logged } = made();
    accessLog.reopen();
    await until(() => logged.length === 1);
    expect(logged).toEqual([
      "warn access log memory: cannot be reopened (EACCES); the old file stays in use",
    ]);
    await accessLog.close(1_000);
  });
});
