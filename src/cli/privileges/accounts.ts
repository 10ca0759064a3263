import type { AccountOptions } from "../../config/options.ts";
import type { ReadText } from "../../system/system.ts";
import { StartError } from "../start-error.ts";

/** A user and its groups, by number. */
export interface Account {
  readonly user: number;
  readonly group: number;
  /** All groups, including the primary one. */
  readonly groups: readonly number[];
}

/**
 * Finds an account in /etc/passwd and /etc/group. A number needs no entry if a group is given.
 *
 * Source: passwd(5), group(5).
 *
 * @throws StartError if there is no such user or group
 */
export function findAccount({ user, group }: AccountOptions, read: ReadText): Account {
  const people = entries(read("/etc/passwd"));
  const groups = entries(read("/etc/group"));
  const person = people.find(([name, , id]) => name === user || id === user);
  const userId = person === undefined ? idOf(user) : idOf(person[2]);
  if (userId === null) throw new StartError(`user "${user}": /etc/passwd has no such user`);
  // Root by another name, which the rule cannot see.
  if (userId === 0) throw new StartError(`user "${user}" is root: expected one that may less`);
  const groupId = group === null ? idOf(person?.[3]) : groupIdOf(group, groups);
  if (groupId === null && group === null) {
    const why = "/etc/passwd has no such user, so expected a group, too (--group)";
    throw new StartError(`user "${user}": ${why}`);
  }
  if (groupId === null) throw new StartError(`group "${group}": /etc/group has no such group`);
  const [name = ""] = person ?? [];
  const others = groups.filter(
    // A user without a name is in no group, not even in one without members.
    ([, , , members = ""]) => name !== "" && members.split(",").includes(name),
  );
  const ids = others.map(([, , id]) => idOf(id)).filter((id) => id !== null);
  return { user: userId, group: groupId, groups: [...new Set([groupId, ...ids])] };
}

function groupIdOf(group: string, groups: readonly (readonly string[])[]): number | null {
  const found = groups.find(([name]) => name === group);
  return idOf(found === undefined ? group : found[2]);
}

function entries(text: string | null): readonly (readonly string[])[] {
  return (text ?? "").split("\n").map((line) => line.split(":"));
}

function idOf(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : null;
}
