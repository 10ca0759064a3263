import { uringDefaults as initial } from "../config/options.ts";
import { formatDuration, formatMicros } from "../config/quantity.ts";
import { tight } from "../config/rule.ts";
import { uringWords } from "../config/uring.ts";
import { type Flag, flag } from "./flag.ts";

const onOff = (isOn: boolean) => (isOn ? "on" : "off");

/** The flags of what only the uring engine knows, in the order of the help. */
export const uringFlags: readonly Flag[] = [
  flag(
    "uring.receive",
    "WORD",
    [
      `${uringWords.receive.join(" or ")}: one receive goes`,
      "on by itself, or is started each time",
    ],
    initial.receive,
  ),
  flag(
    "uring.receiveBundles",
    "on|off",
    "one receive fills several buffers",
    onOff(initial.receiveBundles),
  ),
  flag(
    "uring.receiveMessages",
    "on|off",
    "RECVMSG instead of RECV",
    onOff(initial.receiveMessages),
  ),
  flag(
    "uring.incremental",
    "on|off",
    "fill buffers bit by bit (Linux 6.12)",
    onOff(initial.incremental),
  ),
  flag(
    "uring.send",
    "WORD",
    [
      "plain, message (gathers what waits),",
      "zerocopy, zerocopy-message, ring or",
      "bundle (from rings of buffers)",
    ],
    initial.send,
  ),
  flag(
    "uring.taskrun",
    "WORD",
    ["when completions are worked on: defer", "(when waited for) or coop"],
    initial.taskrun,
  ),
  flag(
    "uring.sqpoll",
    "TIME",
    ["a thread of the kernel submits; it sleeps", "after TIME; or off. Makes taskrun coop"],
    initial.sqPollIdleMs === 0 ? "off" : formatDuration(initial.sqPollIdleMs),
  ),
  flag(
    "uring.fixedFiles",
    "on|off",
    "put sockets into the ring's table",
    onOff(initial.fixedFiles),
  ),
  flag("uring.hugePages", "on|off", "buffers on huge pages", onOff(initial.hugePages)),
  flag("uring.entries", "N", "submissions, a power of two, 16…32768", String(initial.entries)),
  flag(
    "uring.waitCount",
    "N",
    "completions to wait for, or adaptive",
    initial.waitCount === 0 ? "adaptive" : String(initial.waitCount),
  ),
  flag(
    "uring.waitTimeout",
    "TIME",
    "after this, fewer are enough",
    formatMicros(initial.waitTimeoutMicros),
  ),
  flag(
    "uring.yield",
    "WORD",
    ["always, never or auto (several workers):", "let others run before a wait"],
    initial.yield,
  ),
  flag(
    "uring.napi",
    "WORD",
    ["poll the network device: off, busy or", "prefer (instead of interrupts)"],
    initial.napi,
  ),
  flag(
    "uring.napiTimeout",
    "TIME",
    "poll it for this long",
    formatMicros(initial.napiTimeoutMicros),
  ),
  flag(
    "uring.bufferSize",
    "SIZE",
    ["a buffer of chatty flows, a power of two,", "256…64KiB"],
    tight(initial.bufferSize),
  ),
  flag("uring.bufferCount", "N", "so many at first, 1…1024", String(initial.bufferCount)),
  flag(
    "uring.largeBufferSize",
    "SIZE",
    ["a buffer of bulk flows, a power of two,", "16KiB…4MiB"],
    tight(initial.largeBufferSize),
  ),
];
