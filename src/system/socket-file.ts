import { lstatSync, unlinkSync } from "node:fs";

function isSocketFile(path: string): boolean {
  try {
    return lstatSync(path).isSocket();
  } catch {
    return false;
  }
}

/** Removes the unix socket at this path, if there is one and it may be removed. */
export function removeSocketFile(path: string): void {
  try {
    if (isSocketFile(path)) unlinkSync(path);
  } catch {
    // It is gone already, or was never ours to remove.
  }
}

/** Removes a socket file that a process has left behind. */
export async function removeStaleSocket(path: string): Promise<void> {
  if (path.startsWith("\0") || !isSocketFile(path)) return;
  const code = await Bun.connect({ unix: path, socket: { data() {}, connectError() {} } }).then(
    (socket) => {
      socket.terminate();
      return "";
    },
    (error: NodeJS.ErrnoException) => error.code,
  );
  if (code === "ECONNREFUSED") removeSocketFile(path);
}
