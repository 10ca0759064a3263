import { uringDefaults as initial } from "../config/options.ts";
import { formatDuration, formatMicros } from "../config/quantity.ts";
import { tight } from "../config/rule.ts";
import { type UringKey, uringWords } from "../config/uring.ts";
import type { Flag } from "./flag.ts";

const onOff = (isOn: boolean) => (isOn ? "on" : "off");

/** The flags of what only the uring engine knows, in the order of the help. */
export const uringFlags: readonly Flag[] = [
  flag("receive", "WORD", initial.receive, [
    `${uringWords.receive.join(" or ")}: one receive goes`,
    "on by itself, or is started each time",
  ]),
  flag("receiveBundles", "on|off", onOff(initial.receiveBundles), [
    "one receive fills several buffers",
  ]),
  flag("receiveMessages", "on|off", onOff(initial.receiveMessages), ["RECVMSG instead of RECV"]),
  flag("incremental", "on|off", onOff(initial.incremental), [
    "fill buffers bit by bit (Linux 6.12)",
  ]),
  flag("send", "WORD", initial.send, [
    "plain, message (gathers what waits),",
    "zerocopy, zerocopy-message, ring or",
    "bundle (from rings of buffers)",
  ]),
  flag("taskrun", "WORD", initial.taskrun, [
    "when completions are worked on: defer",
    "(when waited for) or coop",
  ]),
  flag(
    "sqpoll",
    "TIME",
    initial.sqPollIdleMs === 0 ? "off" : formatDuration(initial.sqPollIdleMs),
    ["a thread of the kernel submits; it sleeps", "after TIME; or off. Makes taskrun coop"],
  ),
  flag("fixedFiles", "on|off", onOff(initial.fixedFiles), ["put sockets into the ring's table"]),
  flag("hugePages", "on|off", onOff(initial.hugePages), ["buffers on huge pages"]),
  flag("entries", "N", String(initial.entries), ["submissions, a power of two, 16…32768"]),
  flag("waitCount", "N", initial.waitCount === 0 ? "adaptive" : String(initial.waitCount), [
    "completions to wait for, or adaptive",
  ]),
  flag("waitTimeout", "TIME", formatMicros(initial.waitTimeoutMicros), [
    "after this, fewer are enough",
  ]),
  flag("napi", "WORD", initial.napi, [
    "poll the network device: off, busy or",
    "prefer (instead of interrupts)",
  ]),
  flag("napiTimeout", "TIME", formatMicros(initial.napiTimeoutMicros), ["poll it for this long"]),
  flag("bufferSize", "SIZE", tight(initial.bufferSize), [
    "a buffer of chatty flows, a power of two,",
    "256…64KiB",
  ]),
  flag("bufferCount", "N", String(initial.bufferCount), ["so many at first, 1…1024"]),
  flag("largeBufferSize", "SIZE", tight(initial.largeBufferSize), [
    "a buffer of bulk flows, a power of two,",
    "16KiB…4MiB",
  ]),
];

function flag(key: UringKey, hint: string, initial: string, text: readonly string[]): Flag {
  const name = `uring-${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  return { name, setting: `uring.${key}`, hint, text, initial };
}
