import { readdirSync } from "node:fs";
import type { AccountOptions } from "../../config/options.ts";
import { errnoName, takeIdentity } from "../../system/linux.ts";
import { type ReadText, readText } from "../../system/system.ts";
import { StartError } from "../start-error.ts";
import { type Account, findAccount } from "./accounts.ts";

/**
 * Changes the user of this process for good: after everything that needs more rights is open, and
 * before the first worker starts and the first byte of a client is read.
 *
 * @throws StartError if that fails; the process must not go on then
 */
export function become(options: AccountOptions): void {
  const account = findAccount(options, readText);
  const uid = process.geteuid?.() ?? -1;
  if (uid !== 0) {
    if (isIdentity(account, readText)) return;
    throw new StartError(`user "${options.user}" needs a start as root: this is user ${uid}`);
  }
  const result = takeIdentity(account.user, account.group, account.groups);
  if (result < 0) {
    throw new StartError(`cannot become user "${options.user}": ${errnoName(-result)}`);
  }
  // Verify it: a single thread that keeps root's rights has them for all.
  if (!isIdentity(account, readText, true)) {
    throw new StartError(`cannot become user "${options.user}": a thread has kept its rights`);
  }
}

/** Checks that the account exists, before anything is opened. @throws StartError */
export function refuseUnknown(options: AccountOptions): void {
  if (process.platform !== "linux") {
    throw new StartError(`user "${options.user}": another user can be had on Linux only`);
  }
  findAccount(options, readText);
}

/**
 * Whether every thread of this process has that user and group.
 *
 * @param powerless whether threads must have no capability either
 */
function isIdentity({ user, group }: Account, read: ReadText, powerless = false): boolean {
  const same = (id: number) => new Array(4).fill(id).join("\t");
  const wanted = [`\nUid:\t${same(user)}\n`, `\nGid:\t${same(group)}\n`];
  if (powerless) wanted.push("\nCapPrm:\t0000000000000000\n", "\nCapEff:\t0000000000000000\n");
  return readdirSync("/proc/self/task").every((thread) => {
    const status = read(`/proc/self/task/${thread}/status`);
    // A thread without a status has ended meanwhile.
    return status === null || wanted.every((line) => status.includes(line));
  });
}
