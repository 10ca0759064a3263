import type { Identity } from "./identity.ts";

/** Who a client wants to be. */
export interface WantedIdentity {
  readonly identity: Identity;
  /** What the upstream has to agree to, without the command's name. */
  readonly args: readonly string[];
  /** The name that it gives itself; null for none. */
  readonly name: string | null;
}

/**
 * Who a client wants to be after AUTH, SELECT or HELLO.
 *
 * @param words all of its request
 * @returns an error's text if that cannot be
 */
export function identityAfter(before: Identity, words: readonly string[]): WantedIdentity | string {
  const [command = "", ...args] = words;
  const wrongCount = `ERR wrong number of arguments for '${command.toLowerCase()}' command`;
  if (args.some((arg) => arg.length >= 512)) return "ERR ringway: an argument is too long";
  switch (command.toUpperCase()) {
    case "SELECT": {
      const [database] = args;
      if (database === undefined || args.length > 1) return wrongCount;
      // `01` and ` 1` are no numbers to Valkey either.
      if (!/^(0|[1-9]\d{0,8})$/.test(database))
        return "ERR value is not an integer or out of range";
      return { identity: { ...before, database }, args, name: null };
    }
    case "AUTH": {
      if (args.length === 0) return wrongCount;
      if (args.length > 2) return "ERR syntax error";
      const [user, password] =
        args.length === 1 ? ["", args[0] as string] : (args as [string, string]);
      return { identity: { ...before, user, password }, args, name: null };
    }
    default:
      return helloIdentity(before, args);
  }
}

/** HELLO [protocol [AUTH user password] [SETNAME name]] */
function helloIdentity(before: Identity, args: readonly string[]): WantedIdentity | string {
  const [version, ...options] = args;
  if (version === undefined) return { identity: before, args: [], name: null };
  if (!/^-?\d+$/.test(version)) return "ERR Protocol version is not an integer or out of range";
  if (version !== "2" && version !== "3") return "NOPROTO unsupported protocol version";
  let identity: Identity = { ...before, protocol: version === "3" ? 3 : 2 };
  let name: string | null = null;
  const kept = [version];
  for (let i = 0; i < options.length; ) {
    const option = (options[i] as string).toUpperCase();
    const [first, second] = options.slice(i + 1);
    if (option === "AUTH" && first !== undefined && second !== undefined) {
      identity = { ...identity, user: first, password: second };
      kept.push("AUTH", first, second);
      i += 3;
    } else if (option === "SETNAME" && first !== undefined) {
      if (!/^[!-~]*$/.test(first)) {
        return "ERR Client names cannot contain spaces, newlines or special characters.";
      }
      name = first;
      i += 2;
    } else return `ERR Syntax error in HELLO option '${options[i]}'`;
  }
  return { identity, args: kept, name };
}
