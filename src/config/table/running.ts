import { refuse, scalar, wholeNumber } from "../rule.ts";
import { countBy, namedWord, ownerBy } from "./kind.ts";
import { perListener, perProxy } from "./setting.ts";

/** More threads than any machine has processors are a mistake. */
const WORKERS_MAX = 256;

/** What may do the I/O; auto picks one. */
export const engines = ["auto", "sockets", "uring"] as const;

/** A name that useradd(8) takes, or that other systems allow; or a number. */
const NAME = /^(?:[a-z_][\w.-]{0,30}\$?|\d{1,10})$/i;
/** The largest number: the one above, −1, means "no change" to the kernel. */
const ID_MAX = 0xffff_fffe;

/** Engine, threads and the process's user. */
export const running = {
  engine: perListener({
    is: namedWord(engines, "NAME"),
    about: "What does the I/O: sockets, uring (io_uring, Linux) or auto.",
    more: "auto takes uring where it can run (Linux 6.7 and later), otherwise sockets (Bun's own). A reload moves a listener from one engine to the other and loses no connection.",
    initial: "auto",
    at: "engine",
    short: "e",
  }),
  workers: perProxy({
    is: { ...countBy(workers, 1, WORKERS_MAX, "auto"), type: 'number | "auto"' },
    about: "Threads that relay, or auto for one per processor.",
    more: "1…256. More than one on Linux only.",
    initial: 1,
    at: "workers",
    short: "w",
    needsRestart: true,
  }),
  user: perProxy({
    is: ownerBy(user, "NAME"),
    about: "Become this user once all sockets are open (Linux, started as root).",
    more: "A name or a number.",
    initial: "none",
    needsRestart: true,
  }),
  group: perProxy({
    is: ownerBy(group, "NAME"),
    about: "Also become this group. By default, the user's own.",
    initial: "none",
    needsRestart: true,
  }),
};

function workers(value: unknown): number {
  if (value === "auto") return Math.min(navigator.hardwareConcurrency, WORKERS_MAX);
  const number = wholeNumber(value);
  if (number >= 1 && number <= WORKERS_MAX) return number;
  return refuse(value, `a whole number of 1…${WORKERS_MAX}, or auto`);
}

function user(value: unknown): string {
  const text = name(value, "user");
  if (text === "root" || Number(text) === 0) {
    return refuse(value, "a user with fewer rights than root");
  }
  return text;
}

function group(value: unknown): string {
  return name(value, "group");
}

function name(value: unknown, kind: string): string {
  const text = String(scalar(value));
  const isRight = NAME.test(text) && !(Number(text) > ID_MAX);
  return isRight ? text : refuse(value, `the name or the number of a ${kind}, or none`);
}
