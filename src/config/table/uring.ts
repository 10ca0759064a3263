import { isPowerOfTwo, refuse, wholeNumber } from "../rule.ts";
import {
  count,
  countBy,
  durationOrOff,
  namedWord,
  numberText,
  onOff,
  powerSize,
  shortDuration,
  word,
} from "./kind.ts";
import { perRing } from "./setting.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

const sends = ["plain", "message", "zerocopy", "zerocopy-message", "ring", "bundle"] as const;

/** How long the kernel's polling thread may spin without work. */
const polling = durationOrOff("1ms…1m");

/**
 * The settings of the uring engine; a flag is a key in kebab-case after `--uring-`. The defaults
 * measured best: see bench/FINDINGS.md.
 */
export const uringTable = {
  receive: perRing({
    is: namedWord(["multishot", "single"]),
    about: "A receive repeats by itself (multishot), or is started each time (single).",
    initial: "multishot",
    at: "receive",
  }),
  receiveBundles: perRing({
    is: onOff,
    about: "One receive fills several buffers (IORING_RECVSEND_BUNDLE).",
    more: "Not with receiveMessages or incremental.",
    initial: "off",
    at: "receiveBundles",
  }),
  receiveMessages: perRing({
    is: onOff,
    about: "Receive by RECVMSG instead of RECV.",
    initial: "off",
    at: "receiveMessages",
  }),
  incremental: perRing({
    is: onOff,
    about: "Fill buffers bit by bit (IOU_PBUF_RING_INC, Linux 6.12).",
    initial: "off",
    at: "incremental",
  }),
  send: perRing({
    is: word(sends),
    about: "How received bytes are sent on.",
    more: "message gathers waiting bytes. zerocopy and zerocopy-message copy nothing. ring and bundle send from rings of buffers.",
    initial: "plain",
    at: "send",
  }),
  taskrun: perRing({
    is: namedWord(["defer", "coop"]),
    about:
      "When the kernel processes completions: when ringway waits for them (defer), or at any time in the kernel (coop).",
    initial: "defer",
    at: "taskrun",
  }),
  sqpoll: perRing({
    is: { ...polling, rule: sqPoll },
    about: "Let a kernel thread submit; it sleeps after this much time without work.",
    more: "SQPOLL; makes taskrun coop.",
    initial: "off",
    at: "sqPollIdleMs",
  }),
  fixedFiles: perRing({
    is: onOff,
    about: "Register sockets in the ring's table of files.",
    initial: "off",
    at: "fixedFiles",
  }),
  hugePages: perRing({
    is: onOff,
    about: "Allocate buffers on huge pages.",
    initial: "off",
    at: "hugePages",
  }),
  entries: perRing({
    is: { ...countBy(entries, 16, 32_768), range: "a power of two of 16…32,768" },
    about: "The number of submission entries.",
    initial: 1024,
    at: "entries",
  }),
  waitCount: perRing({
    is: {
      ...countBy(waitCount, 1, 4_096, "adaptive"),
      range: "1…4,096",
      show: (count) => (count === 0 ? "adaptive" : numberText(count)),
    },
    about: "How many completions to wait for, or adaptive.",
    initial: "adaptive",
    at: "waitCount",
  }),
  waitTimeout: perRing({
    is: shortDuration,
    about: "Stop waiting after this, even if fewer completions have come.",
    initial: "100us",
    at: "waitTimeoutMicros",
  }),
  yield: perRing({
    is: namedWord(["auto", "always", "never"]),
    about: "Let other threads run before a wait: always, never or auto (with several workers).",
    more: "sched_yield. Not with waitCount, nor with sqpoll.",
    initial: "auto",
    at: "yield",
  }),
  napi: perRing({
    is: namedWord(["off", "busy", "prefer"]),
    about: "Poll the network device: off, busy or prefer (instead of interrupts).",
    initial: "off",
    at: "napi",
  }),
  napiTimeout: perRing({
    is: shortDuration,
    about: "How long to poll the network device.",
    initial: "50us",
    at: "napiTimeoutMicros",
  }),
  bufferSize: perRing({
    is: powerSize(256, 64 * KIB),
    about: "The size of a buffer of chatty flows.",
    initial: "4KiB",
    at: "bufferSize",
  }),
  bufferCount: perRing({
    is: count(1, 1024),
    about: "How many of these buffers to provide at first.",
    initial: 64,
    at: "bufferCount",
  }),
  largeBufferSize: perRing({
    is: powerSize(16 * KIB, 4 * MIB),
    about: "The size of a buffer of bulk flows.",
    initial: "1MiB",
    at: "largeBufferSize",
  }),
};

/** Milliseconds; 0 for `off`, and for no time. */
function sqPoll(value: unknown): number {
  const isZero = value === 0 || (typeof value === "string" && /^0(ms|s|m|h)?$/.test(value));
  return isZero ? 0 : polling.rule(value);
}

function entries(value: unknown): number {
  const number = wholeNumber(value);
  if (isPowerOfTwo(number) && number >= 16 && number <= 32_768) return number;
  return refuse(value, "a power of two of 16…32,768");
}

/** A number of completions; 0 for `adaptive`. */
function waitCount(value: unknown): number {
  if (value === "adaptive") return 0;
  const number = wholeNumber(value);
  if (number >= 1 && number <= 4_096) return number;
  return refuse(value, "a whole number of 1…4,096, or adaptive");
}
