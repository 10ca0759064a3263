import { readFileSync } from "node:fs";
import { type Rule, refuse } from "./rule.ts";

/** A file's permissions as chmod(1) takes them: a text such as `0660`. */
export function fileMode(value: unknown): number {
  if (typeof value === "string" && /^0?[0-7]{3}$/.test(value)) return Number.parseInt(value, 8);
  return refuse(value, 'permissions as a text of three octal digits, such as "0660"');
}

/** A file's owner: a user of this machine, or a number. */
export const fileUser: Rule<number> = owner("user", "/etc/passwd");

/** A file's group: a group of this machine, or a number. */
export const fileGroup: Rule<number> = owner("group", "/etc/group");

/** The largest number; the one above means "leave it as it is". */
const ID_MAX = 2 ** 32 - 2;

function owner(what: string, list: string): Rule<number> {
  const expected = `a ${what} of this machine (${list}), or its number`;
  return (value) => {
    const text = typeof value === "number" ? String(value) : value;
    if (typeof text !== "string") return refuse(value, expected);
    const id = /^\d{1,10}$/.test(text) ? Number(text) : numberOf(text, list);
    return id !== null && id <= ID_MAX ? id : refuse(value, expected);
  };
}

/** Both lists have the name first and the number third: passwd(5), group(5). */
function numberOf(name: string, list: string): number | null {
  try {
    const lines = readFileSync(list, "utf8").split("\n");
    const fields = lines.map((line) => line.split(":")).find(([first]) => first === name);
    return fields?.[2] === undefined ? null : Number(fields[2]);
  } catch {
    return null;
  }
}
