import type { Address } from "../base/address.ts";
import type { FileAccess } from "../system/file-access.ts";
import { type PeerCredentials, peerCredentials } from "../system/libc.ts";
import type { Asker } from "./answer.ts";

/** The owner of an abstract socket. */
export interface SocketOwner {
  readonly uid: number;
  readonly gid: number;
}

/** The identity of a client, and whether it may ask. */
export type Judged = Pick<Asker, "name" | "refusal">;

/** Judges a connection by its descriptor; null: close it at once. */
export type JudgePeer = (descriptor: number) => Judged | null;

/**
 * Judges clients of a unix socket. If the socket has a file, the kernel has already applied the
 * file's mode. An abstract socket has no file and admits everyone on the machine, so the kernel is
 * asked who the client is, and the mode is applied here.
 *
 * This process itself is never a client: a relay must not lead here, although an upstream's path
 * may change between its check and the dial. On Linux, an unknown client is refused, too.
 *
 * @param access the access that the socket's file has, or would have
 */
export function peerJudge(
  { path }: Address & { kind: "unix" },
  { mode, user, group }: FileAccess,
): JudgePeer {
  const owner = {
    uid: user ?? process.geteuid?.() ?? -1,
    gid: group ?? process.getegid?.() ?? -1,
  };
  const shown = `0${mode.toString(8)}`;
  return (descriptor) => {
    if (process.platform !== "linux") return { name: "the unix socket", refusal: null };
    const peer = peerCredentials(descriptor);
    if (peer === null || peer.pid === process.pid) return null;
    const name = `user ${peer.uid}`;
    if (!path.startsWith("\0") || mayUse(peer, owner, mode)) return { name, refusal: null };
    const why = `${name} may not use this socket: its mode is ${shown} (--unix-mode)`;
    return { name, refusal: why };
  };
}

/** Applies a mode as the kernel would to a file: connecting requires the right to write. */
export function mayUse(
  peer: Pick<PeerCredentials, "uid" | "groups">,
  owner: SocketOwner,
  mode: number,
): boolean {
  if (peer.uid === 0) return true;
  if (peer.uid === owner.uid) return (mode & 0o200) !== 0;
  if (peer.groups.includes(owner.gid)) return (mode & 0o020) !== 0;
  return (mode & 0o002) !== 0;
}
