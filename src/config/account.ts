import type { AccountOptions } from "./options.ts";
import { isBroken, type Problems, type Sources } from "./sourced.ts";
import type { SettingValues } from "./table/table.ts";

/** Returns the account to become, null to stay as started, and reports contradictions. */
export function accountOf(
  given: Sources<SettingValues>,
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
