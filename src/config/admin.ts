import type { Address } from "../base/address.ts";
import { describe } from "../base/error.ts";
import { parseIPv4 } from "../base/ip.ts";
import type { AdminOptions } from "./options.ts";
import { isBroken, type Problems, type Sources } from "./sourced.ts";
import { optionsIn } from "./table/setting.ts";
import { listenerTable, proxyTable, type SettingValues } from "./table/table.ts";

/** Returns the options of the admin server, null for none, and reports contradictions. */
export function adminOf(given: Sources<SettingValues>, problems: Problems): AdminOptions | null {
  const { admin: where, readyWhen } = given;
  const token = given.adminToken?.value === "none" ? undefined : given.adminToken;
  const readToken = given.adminReadToken?.value === "none" ? undefined : given.adminReadToken;
  const address = where?.value ?? "none";
  if (address === "none") {
    if (isBroken(where)) return null;
    const isUsual = isBroken(readyWhen) || readyWhen?.value === proxyTable.readyWhen.fallback;
    const why = "needs an admin server, and none is given: expected admin (--admin)";
    for (const one of [token, readToken, isUsual ? undefined : readyWhen]) {
      if (one !== undefined) problems.add(one, why);
    }
    return null;
  }
  if (token === undefined && !isPrivate(address)) {
    const why = "can be reached by others: expected adminToken (--admin-token) as well";
    problems.add(where, `${describe(where?.given)} ${why}`);
  }
  if (readToken !== undefined && token === undefined) {
    // Otherwise requests without any token could do everything.
    problems.add(readToken, "needs adminToken (--admin-token), the token that allows changes");
  }
  if (readToken !== undefined && !isBroken(readToken) && readToken.value === token?.value) {
    problems.add(readToken, "is the same as adminToken: expected a different token");
  }
  return {
    address,
    token: token?.value ?? null,
    readToken: readToken?.value ?? null,
    ...optionsIn(proxyTable, "admin", given),
    // Settings at the top for all unix sockets also apply to the admin server's.
    unix: optionsIn(listenerTable, "unix", given),
  };
}

/** Whether a host is a loopback address, which other machines cannot reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || parseIPv4(host)?.[0] === 127;
}

/** Whether only this machine can reach an address. */
function isPrivate(address: Address): boolean {
  return address.kind === "unix" || isLoopback(address.host);
}
