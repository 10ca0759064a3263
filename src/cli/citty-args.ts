import type { ArgsDef } from "citty";
import type { Flag } from "./flag.ts";

/** Flags in citty's form. ringway does not use what citty reads from a line: see read-flags.ts. */
export function cittyArgs(flags: readonly Flag[]): ArgsDef {
  const args: ArgsDef = {};
  for (const { name, short, hint, text } of flags) {
    const alias = short === undefined ? {} : { alias: short };
    const shared = { description: text, ...alias };
    args[name] =
      hint === undefined
        ? { type: "boolean", ...shared }
        : { type: "string", valueHint: hint, ...shared };
  }
  return args;
}
