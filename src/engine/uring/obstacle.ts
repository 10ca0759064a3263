import type { UringOptions } from "../../config/options.ts";
import { Errno } from "../linux.ts";
import { SetupFlag } from "./abi.ts";
import { Queue, SetupError } from "./queue.ts";

/** How the ring of a worker is made. */
export function ringFlags({ taskrun, sqPollIdleMs }: UringOptions): number {
  const always = SetupFlag.SingleIssuer | SetupFlag.SubmitAll | SetupFlag.NoSqArray;
  // The polling thread does all the work, so that there is none to put off.
  if (sqPollIdleMs > 0) return always | SetupFlag.SqPoll;
  return always | (taskrun === "defer" ? SetupFlag.DeferTaskrun : SetupFlag.CoopTaskrun);
}

/** Why io_uring cannot be used here and what to do about it, or null when a ring could be made. */
export function obstacleToUring(options: UringOptions): string | null {
  if (process.platform !== "linux") return "io_uring is a part of Linux; use --engine sockets";
  try {
    new Queue({ entries: 16, completions: 32, flags: ringFlags(options), pollIdleMs: 0 }).close();
    return null;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return obstacle(error.errno);
  }
}

function obstacle(errno: number): string {
  switch (errno) {
    case Errno.EPERM:
    case Errno.EACCES:
      return "io_uring is forbidden here: by the container's seccomp profile or kernel.io_uring_disabled";
    case Errno.ENOSYS:
      return "this kernel is built without io_uring";
    case Errno.EINVAL:
      return "this kernel is too old: Linux 6.6 or later is needed";
    case Errno.ENOMEM:
      return "no memory may be locked (RLIMIT_MEMLOCK): raise ulimit -l";
    case Errno.EMFILE:
    case Errno.ENFILE:
      return "no file descriptor is left (ulimit -n)";
    default:
      return `io_uring_setup failed with errno ${errno}`;
  }
}
