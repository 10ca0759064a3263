import { expect, test } from "bun:test";
import { ConfigError } from "../base/error.ts";
import { uringDefaults } from "./defaults.ts";
import type { UringOptions } from "./options.ts";
import type { Rule } from "./rule.ts";
import { Problems } from "./sourced.ts";
import { uringTable } from "./table/table.ts";
import { uring } from "./uring.ts";

type UringKey = keyof typeof uringTable;

/** Takes values as a file gives them. @throws ConfigError */
function read(values: Partial<Record<UringKey, unknown>>): UringOptions {
  const problems = new Problems();
  const entries = Object.entries(values).map(([key, value]) => {
    const rule: Rule<unknown> = uringTable[key as UringKey].is.rule;
    return [key, problems.take({ value, label: key }, rule)];
  });
  const options = uring(Object.fromEntries(entries), problems);
  if (problems.sentences.length > 0) throw new ConfigError(problems.sentences);
  return options;
}

test("nothing given means the defaults, which keep the rules themselves", () => {
  expect(read({})).toEqual(uringDefaults);
});

test("everything given, as flags", () => {
  expect(
    read({
      receive: "single",
      receiveBundles: "off",
      receiveMessages: "on",
      incremental: "off",
      send: "zerocopy-message",
      taskrun: "coop",
      sqpoll: "1.5s",
      fixedFiles: "on",
      hugePages: "on",
      entries: "64",
      waitCount: "8",
      waitTimeout: "50us",
      yield: "never",
      napi: "prefer",
      napiTimeout: "1ms",
      bufferSize: "2k",
      bufferCount: "16",
      largeBufferSize: "64KiB",
    }),
  ).toEqual({
    receive: "single",
    receiveBundles: false,
    receiveMessages: true,
    incremental: false,
    send: "zerocopy-message",
    taskrun: "coop",
    sqPollIdleMs: 1_500,
    fixedFiles: true,
    hugePages: true,
    entries: 64,
    waitCount: 8,
    waitTimeoutMicros: 50,
    yield: "never",
    napi: "prefer",
    napiTimeoutMicros: 1_000,
    bufferSize: 2_048,
    bufferCount: 16,
    largeBufferSize: 65_536,
  });
});

test("a file may say true, false and numbers", () => {
  const given = { incremental: true, hugePages: false, sqpoll: false, waitTimeout: 0.001 };
  expect(read({ ...given, entries: 32, bufferSize: 512 })).toEqual({
    ...uringDefaults,
    incremental: true,
    hugePages: false,
    sqPollIdleMs: 0,
    waitTimeoutMicros: 1_000,
    entries: 32,
    bufferSize: 512,
  });
});

test("words for nothing", () => {
  expect(read({ sqpoll: "off" }).sqPollIdleMs).toBe(0);
  expect(read({ sqpoll: "0" }).sqPollIdleMs).toBe(0);
  expect(read({ waitCount: "adaptive" }).waitCount).toBe(0);
});

test("with a polling thread of the kernel nothing is deferred", () => {
  expect(read({ sqpoll: "2s" })).toMatchObject({ sqPollIdleMs: 2_000, taskrun: "coop" });
  expect(read({ sqpoll: "2s", taskrun: "coop" }).taskrun).toBe("coop");
  expect(read({ sqpoll: "off", taskrun: "defer" }).taskrun).toBe("defer");
});

test("bundles, or what they exclude: the one that is asked for", () => {
  const both = { receiveBundles: "on", receiveMessages: "off", incremental: "off" };
  const bundles = { receiveBundles: true, receiveMessages: false, incremental: false };
  expect(read(both)).toMatchObject(bundles);
  expect(read({ receiveBundles: "on" })).toMatchObject(bundles);
  const alone = read({ receiveMessages: "on" });
  expect(alone).toMatchObject({ receiveBundles: false, receiveMessages: true });
});

test("what is at the border is allowed", () => {
  read({ entries: 16, waitCount: 1, waitTimeout: "1us", bufferSize: 256, bufferCount: 1 });
  read({ entries: 32_768, waitCount: 4_096, waitTimeout: "1s", bufferCount: 1_024 });
  read({ bufferSize: "64KiB", largeBufferSize: "4MiB" });
  read({ bufferSize: "8KiB", largeBufferSize: "16KiB", sqpoll: "1m" });
});

const cases: [Partial<Record<UringKey, unknown>>, string][] = [
  [{ receive: "multi" }, 'receive "multi": expected multishot or single'],
  [{ receiveBundles: "yes" }, 'receiveBundles "yes": expected on or off'],
  [{ incremental: 1 }, "incremental 1: expected on or off"],
  [{ taskrun: "defer", sqpoll: "1s" }, "taskrun contradicts sqpoll, with which nothing can be"],
  [{ sqpoll: "2m" }, 'sqpoll "2m": expected a duration of 1ms…1m, or off'],
  [{ sqpoll: "on" }, 'sqpoll "on": expected a duration of 1ms…1m, or off'],
  [{ entries: 100 }, "entries 100: expected a power of two of 16…32,768"],
  [{ entries: 8 }, "entries 8: expected a power of two of 16…32,768"],
  [{ entries: 65_536 }, "entries 65536: expected a power of two of 16…32,768"],
  [{ waitCount: 0 }, "waitCount 0: expected a whole number of 1…4,096, or adaptive"],
  [{ waitCount: "many" }, 'waitCount "many": expected a whole number of 1…4,096, or adaptive'],
  [{ waitTimeout: "0" }, 'waitTimeout "0": expected a duration of 1us…1s'],
  [{ yield: true }, "yield true: expected auto, always or never"],
  [{ yield: "always", sqpoll: "1s" }, "yield contradicts sqpoll, whose thread submits by itself"],
  [{ yield: "always", waitCount: 1 }, "yield contradicts a number of completions to wait for"],
  [{ napiTimeout: "2s" }, 'napiTimeout "2s": expected a duration of 1us…1s'],
  [{ bufferSize: 128 }, "bufferSize 128: expected a power of two of 256…64KiB"],
  [{ bufferSize: 5_000 }, "bufferSize 5000: expected a power of two of 256…64KiB"],
  [{ bufferCount: 1_025 }, "bufferCount 1025: expected a whole number of 1…1,024"],
  [{ largeBufferSize: "8k" }, 'largeBufferSize "8k": expected a power of two of 16KiB…4MiB'],
  [
    { bufferSize: "64k", largeBufferSize: "64k" },
    "bufferSize contradicts the other buffer size: expected bufferSize below largeBufferSize, not 64 KiB and 64 KiB",
  ],
  [
    { receiveBundles: "on", receiveMessages: "on" },
    "receiveMessages contradicts receive bundles, which RECVMSG does not support: leave one of them out",
  ],
  [
    { receiveMessages: "on", incremental: "on" },
    "incremental contradicts receive messages, which need whole buffers: leave one of them out",
  ],
  [
    { receiveBundles: "on", incremental: "on" },
    "incremental contradicts receive bundles, which do not show where in a buffer " +
      "their bytes are: leave one of them out",
  ],
];

test.each(cases)("%j is refused", (values, message) => {
  expect(() => read(values)).toThrow(message);
});

test("a value that breaks its own rule contradicts nothing", () => {
  const values = { receiveBundles: "yes", receiveMessages: "on", taskrun: "defer", sqpoll: "on" };
  const act = () => read({ ...values, bufferSize: "1GiB", largeBufferSize: "16k" });
  expect(act).toThrow(/^receiveBundles "yes".*\nsqpoll "on".*\nbufferSize "1GiB".*$/);
});

test("every key is looked at", () => {
  for (const key of Object.keys(uringTable))
    expect(() => read({ [key]: { nonsense: 1 } })).toThrow(`${key} `);
});
