import type { Address } from "../base/address.ts";
import type { FileAccess } from "../system/file-access.ts";
import { type PeerCredentials, peerCredentials } from "../system/libc.ts";
import type { Asker } from "./answer.ts";

/** Whose an abstract socket is. */
export interface SocketOwner {
  readonly uid: number;
  readonly gid: number;
}

/** Who somebody is that has connected, and whether he may ask. */
export type Judged = Pick<Asker, "name" | "refusal">;

/** Judges by the descriptor of a connection; null for who is to be let go at once. */
export type JudgePeer = (descriptor: number) => Judged | null;

/**
 * Judges clients of a unix socket. Where it is a file the kernel has let in whom the file's mode lets in. An
 * abstract one has no file and lets in everybody on the machine: there the kernel is asked who
 * they are, and the mode is kept here.
 *
 * This process itself is no client: what is at a path may have changed between the look at an upstream's
 * and the dial, and nobody gets here by a relay. Nor is who cannot be known, where the system knows (Linux).
 *
 * @param access what the socket's file has, or would have
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

/**
 * Root, the owner, his group and everybody else, as the kernel would have it of a file: to connect takes
 * the right to write.
 */
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
