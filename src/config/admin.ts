import { parseAddress } from "./address.ts";
import { describe } from "./error.ts";
import { fileAccessOf } from "./file-access.ts";
import { parseIPv4 } from "./ip.ts";
import { type Address, type AdminOptions, UNIX_MODE } from "./options.ts";
import { refuse, type ValuesOf } from "./rule.ts";
import { isBroken, type Problems, type Sources } from "./sourced.ts";

/** The rules of what lets people and programs look after a running proxy. */
export const adminRules = { admin, adminToken };

/** What the rules make of these settings. */
export type AdminValues = ValuesOf<typeof adminRules>;

/** What stands at the top for all unix sockets holds for that of the admin server, too. */
type UnixValues = { readonly [Key in "unixMode" | "unixUser" | "unixGroup"]: number };

/** Puts together what was given of the admin server, and tells what cannot be together. */
export function adminOf(
  given: Sources<AdminValues & UnixValues>,
  problems: Problems,
): AdminOptions | null {
  const { admin: where, adminToken, unixMode, unixUser, unixGroup } = given;
  const token = adminToken?.value === "none" ? undefined : adminToken;
  const address = where?.value ?? "none";
  if (address === "none") {
    if (token !== undefined && !isBroken(where)) {
      problems.add(token, "needs an admin server, and none is given: expected admin (--admin)");
    }
    return null;
  }
  if (token === undefined && !isPrivate(address)) {
    const why = "is an address that others may reach: expected adminToken (--admin-token) as well";
    problems.add(where, `${describe(where?.given)} ${why}`);
  }
  const unix = fileAccessOf(unixMode, unixUser, unixGroup, UNIX_MODE);
  return { address, token: token?.value ?? null, unix };
}

/** Whether a host is this machine's own, so that nobody else can reach what listens there. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || parseIPv4(host)?.[0] === 127;
}

/** Whether only this machine reaches an address. */
function isPrivate(address: Address): boolean {
  return address.kind === "unix" || isLoopback(address.host);
}

function admin(value: unknown): Address | "none" {
  if (value === "none") return value;
  if (typeof value !== "string") return refuse(value, "an address, or none");
  return parseAddress(value, "listener");
}

/** What a header can carry as it is, and nobody guesses. Never repeated by a message. */
function adminToken(value: unknown): string {
  if (value === "none") return value;
  if (typeof value === "string" && /^[\w.~+/=-]{16,256}$/.test(value)) return value;
  const shown = typeof value === "string" ? `a text of ${value.length} characters` : value;
  return refuse(shown, "a token of 16…256 letters, digits and - . _ ~ + / =, or none");
}
