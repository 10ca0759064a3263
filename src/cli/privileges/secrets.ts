import type { Settings } from "../../config/validate.ts";
import { forbidCoreDumps } from "../../system/linux.ts";
import type { CheckOptions } from "../../upstream/health/check-options.ts";

/**
 * Keeps what this process knows in it: no core dump has it, and no other process of the same user reads its
 * memory. Linux only.
 */
export function guardSecrets(): void {
  if (process.platform === "linux") forbidCoreDumps();
}

/** Whether there is a token, a password or a private key among the settings. */
export function holdsSecrets({ admin, listeners }: Pick<Settings, "admin" | "listeners">): boolean {
  if (admin !== null && (admin.token ?? admin.readToken) !== null) return true;
  return listeners.some(({ health, upstreams, upstreamTls }) => {
    const begun = [upstreamTls, ...upstreams.map(({ tls }) => tls ?? null)];
    if (begun.some((one) => one !== null && one.identity !== null)) return true;
    const all = [health.check, ...upstreams.map(({ check }) => check ?? null)];
    return all.some(saysSecret);
  });
}

function saysSecret(check: CheckOptions | null): boolean {
  if (check === null) return false;
  // What a check says may be a password, too.
  if ((check.steps?.length ?? 0) > 0) return true;
  return check.password !== undefined || (check.tls?.identity ?? null) !== null;
}
