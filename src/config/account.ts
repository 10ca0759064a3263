import type { AccountOptions } from "./options.ts";
import { refuse, scalar, type ValuesOf } from "./rule.ts";
import { isBroken, type Problems, type Sources } from "./sourced.ts";

/** The rules of whose process it is once its sockets are open. */
export const accountRules = { user, group };

/** What the rules make of these settings. */
export type AccountValues = ValuesOf<typeof accountRules>;

/** Puts together what was given of the account, and tells what cannot be together. */
export function accountOf(
  given: Sources<AccountValues>,
  problems: Problems,
): AccountOptions | null {
  const user = given.user?.value ?? "none";
  const group = given.group?.value ?? "none";
  if (user === "none") {
    if (group !== "none" && !isBroken(given.user)) {
      problems.add(given.group, "needs a user, and none is given: expected user (--user)");
    }
    return null;
  }
  return { user, group: group === "none" ? null : group };
}

/** What useradd(8) takes, and what stands in other systems' databases; or a number. */
const NAME = /^(?:[a-z_][\w.-]{0,30}\$?|\d{1,10})$/i;
/** The largest one, −1, means that nothing is to change. */
const ID_MAX = 0xffff_fffe;

function user(value: unknown): string {
  const text = name(value, "user");
  if (text === "root" || Number(text) === 0) {
    return refuse(value, "a user that may less than root");
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
