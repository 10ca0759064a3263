import type { Address, FileAccess } from "../../config/options.ts";
import { type PeerCredentials, peerCredentials } from "../../engine/libc.ts";
import type { Asker } from "./answer.ts";

/** Whose an abstract socket is. */
export interface SocketOwner {
  readonly uid: number;
  readonly gid: number;
}

/** Who somebody is that has connected, and whether he may ask, by the descriptor of the connection. */
export type JudgePeer = (descriptor: number) => Pick<Asker, "name" | "refusal">;

/**
 * Judges clients of a unix socket. Where it is a file the kernel has let in whom the file's mode lets in. An
 * abstract one has no file and lets in everybody on the machine: there the kernel is asked who
 * they are, and the mode is kept here.
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
  return (descriptor) => {
    const peer = peerCredentials(descriptor);
    const name = peer === null ? "an unknown user" : `user ${peer.uid}`;
    if (!path.startsWith("\0") || mayUse(peer, owner, mode)) return { name, refusal: null };
    const shown = `0${mode.toString(8)}`;
    return {
      name,
      refusal: `${name} may not use this socket: its mode is ${shown} (--unix-mode)`,
    };
  };
}

/**
 * Root, the owner, his group and everybody else, as the kernel would have it of a file: to connect takes
 * the right to write.
 *
 * @param peer null for nobody knows
 */
export function mayUse(peer: PeerCredentials | null, owner: SocketOwner, mode: number): boolean {
  if (peer === null) return false;
  if (peer.uid === 0) return true;
  if (peer.uid === owner.uid) return (mode & 0o200) !== 0;
  if (peer.groups.includes(owner.gid)) return (mode & 0o020) !== 0;
  return (mode & 0o002) !== 0;
}
