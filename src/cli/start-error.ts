import { type Address, formatAddress } from "../base/address.ts";
import { printable } from "../base/error.ts";
import { ListenError, type PortHolder } from "../engine/listen-error.ts";
import { EngineUnsupportedError } from "../engine/select.ts";
import { TargetError } from "../observe/access-log/target-error.ts";

/** The settings are right, but the proxy cannot start here and now. Exit 1. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** An error of a start; expected failures become a StartError with a sentence for people. */
export function startError(error: unknown): unknown {
  if (error instanceof ListenError) return new StartError(listenSentence(error));
  if (error instanceof TargetError) return new StartError(targetSentence(error));
  if (error instanceof EngineUnsupportedError) return new StartError(error.message);
  return error;
}

/** The same for the start of the admin server. */
export function adminStartError(error: unknown): unknown {
  if (!(error instanceof ListenError)) return startError(error);
  return new StartError(`the admin server ${listenSentence(error)}`);
}

function targetSentence({ path, code }: TargetError): string {
  return `cannot write the access log ${printable(path)}: ${targetCause(code)}`;
}

/** Why an access log cannot be opened. @param code the system's error code, such as ENOENT */
export function targetCause(code: string): string {
  switch (code) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "no permission to write there";
    case "ENOENT":
    case "ENOTDIR":
      return "there is no such directory";
    case "EISDIR":
      return "it is a directory";
    case "ELOOP":
      return "it is a symbolic link, which is not followed: name the file itself";
    case "ENXIO":
      return "no process reads that pipe";
    case "ENOSPC":
      return "the disk is full";
    default:
      return code;
  }
}

function listenSentence({ address, code, holder }: ListenError): string {
  const cause = holder === null ? listenCause(address, code) : holderCause(holder);
  return `cannot listen on ${formatAddress(address)}: ${cause}`;
}

function holderCause({ address, isGoing }: PortHolder): string {
  const cause = `the port is in use already, by this proxy's own listener ${formatAddress(address)}`;
  if (!isGoing) return cause;
  return `${cause}, which goes only when all new ones are there: reload without either first, or restart`;
}

function listenCause(address: Address, code: string): string {
  const isUnix = address.kind === "unix";
  switch (code) {
    case "EADDRINUSE":
      return isUnix ? "the path exists or is in use already" : "the port is in use already";
    case "EACCES":
    case "EPERM":
      if (isUnix) return "no permission to make a socket there";
      return "no permission, as low ports need more rights; use a port from 1024 on";
    case "EADDRNOTAVAIL":
      return "this machine does not have that address";
    case "EAFNOSUPPORT":
      return "this machine does not have that kind of address";
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "DNS_ENOTFOUND":
      return "unknown host";
    case "ENOENT":
    case "ENOTDIR":
      return "there is no such directory";
    case "EMFILE":
    case "ENFILE":
      return "no file descriptor is left (ulimit -n)";
    default:
      return code;
  }
}
