import { readFileSync } from "node:fs";
import { type Rule, refuse } from "./rule.ts";

/** The permissions that a file gets, as chmod(1) takes them: a text such as `0660`. */
export function fileMode(value: unknown): number {
  if (typeof value === "string" && /^0?[0-7]{3}$/.test(value)) return Number.parseInt(value, 8);
  return refuse(value, 'permissions as a text of three octal digits, such as "0660"');
}

/** The owner of a file: a user of this machine, or its number. */
export const fileUser: Rule<number> = owner("user", "/etc/passwd");

/** The same for a group. */
export const fileGroup: Rule<number> = owner("group", "/etc/group");

/** The largest number that is not the one for "leave it as it is". */
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
