import { parseAddress } from "./address.ts";
import { describe } from "./error.ts";
import { fileAccessOf } from "./file-access.ts";
import { parseIPv4 } from "./ip.ts";
import { type Address, type AdminOptions, defaults, UNIX_MODE } from "./options.ts";
import { type Rule, refuse, type ValuesOf, word } from "./rule.ts";
import { secretOrFile } from "./secrets.ts";
import { isBroken, type Problems, type Sources } from "./sourced.ts";

/** What makes `/readyz` say ready. */
export const readyWords = ["accepting", "upstreams"] as const;

/** The rules of what lets people and programs look after a running proxy. */
export const adminRules = {
  admin,
  adminToken: token(),
  adminReadToken: token(),
  readyWhen: word(readyWords),
};

/** What the rules make of these settings. */
export type AdminValues = ValuesOf<typeof adminRules>;

/** What stands at the top for all unix sockets holds for that of the admin server, too. */
type UnixValues = { readonly [Key in "unixMode" | "unixUser" | "unixGroup"]: number };

/** Puts together what was given of the admin server, and tells what cannot be together. */
export function adminOf(
  given: Sources<AdminValues & UnixValues>,
  problems: Problems,
): AdminOptions | null {
  const { admin: where, readyWhen, unixMode, unixUser, unixGroup } = given;
  const token = given.adminToken?.value === "none" ? undefined : given.adminToken;
  const readToken = given.adminReadToken?.value === "none" ? undefined : given.adminReadToken;
  const address = where?.value ?? "none";
  const isDefault = readyWhen?.value === defaults.readyWhen;
  if (address === "none") {
    if (isBroken(where)) return null;
    for (const one of [
      token,
      readToken,
      isDefault || isBroken(readyWhen) ? undefined : readyWhen,
    ]) {
      const why = "needs an admin server, and none is given: expected admin (--admin)";
      if (one !== undefined) problems.add(one, why);
    }
    return null;
  }
  if (token === undefined && !isPrivate(address)) {
    const why = "is an address that others may reach: expected adminToken (--admin-token) as well";
    problems.add(where, `${describe(where?.given)} ${why}`);
  }
  if (readToken !== undefined && token === undefined) {
    // Without, whoever shows no token could do everything.
    problems.add(readToken, "needs adminToken (--admin-token), for those who may change something");
  }
  if (readToken !== undefined && !isBroken(readToken) && readToken.value === token?.value) {
    problems.add(readToken, "is the same as adminToken: expected another one");
  }
  return {
    address,
    token: token?.value ?? null,
    readToken: readToken?.value ?? null,
    readyWhen: readyWhen?.value ?? defaults.readyWhen,
    unix: fileAccessOf(unixMode, unixUser, unixGroup, UNIX_MODE),
  };
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

/** What a header can carry as it is, and nobody guesses. */
function token(): Rule<string> {
  const isRight = (text: string) => text === "none" || /^[\w.~+/=-]{16,256}$/.test(text);
  return secretOrFile(
    (text) => (isRight(text) ? text : undefined),
    "a token of 16…256 letters, digits and - . _ ~ + / =, or none",
  );
}
