/** Texts of the errors that ringway answers itself, without the `-` in front. */

/** A connection was lost with a request on it. */
export const LOST =
  "ERR ringway: the connection to the upstream was lost before it answered; the command may have been carried out";
/** It was lost before its upstream could have got anything. */
export const NOT_SENT =
  "ERR ringway: no upstream could be reached; the command was not carried out";
export const STATE_LOST =
  "ERR ringway: the connection to the upstream was lost, and with it this client's transaction or other state";
export const ALL_LEASED = "ERR ringway: all leased connections are in use";
export const TOO_LARGE = "ERR ringway: a request about the session itself is too large";

/** @param reason why the relay to the upstream has ended; null if it is not known */
export function notReached(reason: string | null): string {
  return `ERR ringway: no upstream could be reached (${reason ?? "unknown"})`;
}

/** @param command its name in capitals */
export function denied(command: string): string {
  return `NOPERM ringway: this listener does not permit the command '${command.toLowerCase()}'`;
}
