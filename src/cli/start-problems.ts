import { accessSync, constants, lstatSync, type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Address } from "../base/address.ts";
import { describe } from "../base/error.ts";
import type { AccountOptions } from "../config/options.ts";
import type { Settings } from "../config/validate.ts";
import { refuseUnknown } from "./privileges/become.ts";
import { StartError, targetCause } from "./start-error.ts";

/**
 * The problems that would make a start fail, as far as they show without one: files, folders,
 * accounts. Sentences without the name of the configuration.
 */
export function startProblems({ listeners, accessLog, admin, account }: Settings): string[] {
  return [
    ...(accessLog === null || accessLog.target === "stdout"
      ? []
      : logProblem(accessLog.target.path)),
    ...listeners.flatMap(({ address }) => socketProblem("listen", address)),
    ...(admin === null ? [] : socketProblem("admin", admin.address)),
    ...(account === null ? [] : accountProblem(account)),
  ];
}

/** An existing log is opened, whatever its folder allows; otherwise it is created. */
function logProblem(path: string): string[] {
  const told = toldOf("accessLog", path);
  const found = statsOf(path);
  if (found === null) return folderProblem(told, path);
  if (found.isSymbolicLink()) return [`${told} ${targetCause("ELOOP")}`];
  if (found.isDirectory()) return [`${told} ${targetCause("EISDIR")}`];
  return accessProblem(path, constants.W_OK).map((code) => `${told} ${targetCause(code)}`);
}

/** An existing socket may be a leftover, which a start removes. */
function socketProblem(setting: string, address: Address): string[] {
  if (address.kind !== "unix" || address.path.startsWith("\0")) return [];
  const told = toldOf(setting, address.path);
  const found = statsOf(address.path);
  if (found !== null && !found.isSocket()) return [`${told} something else than a socket is there`];
  return folderProblem(told, address.path);
}

/** Why nothing can be created there. */
function folderProblem(told: string, path: string): string[] {
  const folder = dirname(resolve(path));
  try {
    if (!statSync(folder).isDirectory()) return [`${told} ${describe(folder)} is no directory`];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [`${told} there is no directory ${describe(folder)}`];
  }
  return accessProblem(folder, constants.W_OK | constants.X_OK).map(
    (code) => `${told} ${describe(folder)} cannot be written to (${code})`,
  );
}

function accountProblem(account: AccountOptions): string[] {
  try {
    refuseUnknown(account);
    return [];
  } catch (error) {
    if (error instanceof StartError) return [`a start would fail here: ${error.message}`];
    throw error;
  }
}

function toldOf(setting: string, path: string): string {
  return `${setting} ${describe(path)}: a start would fail here:`;
}

/** The file at a path, links not followed; null if there is none, or it cannot be seen. */
function statsOf(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch {
    return null;
  }
}

/** The system's error code if this process lacks the right; empty otherwise. */
function accessProblem(path: string, mode: number): string[] {
  try {
    accessSync(path, mode);
    return [];
  } catch (error) {
    return [(error as NodeJS.ErrnoException).code ?? "unknown error"];
  }
}
