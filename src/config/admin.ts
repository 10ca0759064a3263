import type { Address } from "../base/address.ts";
import { describe } from "../base/error.ts";
import { parseIPv4 } from "../base/ip.ts";
import type { AdminOptions } from "./options.ts";
import { isBroken, type Problems, type Sources } from "./sourced.ts";
import { optionsIn } from "./table/setting.ts";
import { listenerTable, proxyTable, type SettingValues } from "./table/table.ts";

/** Puts together what was given of the admin server, and tells what cannot be together. */
export function adminOf(given: Sources<SettingValues>, problems: Problems): AdminOptions | null {
  const { admin: where, readyWhen } = given;
  const token = given.adminToken?.value === "none" ? undefined : given.adminToken;
  const readToken = given.adminReadToken?.value === "none" ? undefined : given.adminReadToken;
  const address = where?.value ?? "none";
  const isDefault = readyWhen?.value === proxyTable.readyWhen.fallback;
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
    ...optionsIn(proxyTable, "admin", given),
    // What stands at the top for all unix sockets holds for that of the admin server, too.
    unix: optionsIn(listenerTable, "unix", given),
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
