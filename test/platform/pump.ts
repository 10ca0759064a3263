import type { Pattern } from "../fixtures/pattern.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { RawSocket } from "./probe.ts";

/** Writes the first `total` bytes of a pattern, as fast as the socket takes them. */
export async function pump(socket: RawSocket, pattern: Pattern, total: number): Promise<void> {
  let offset = 0;
  const write = () => {
    while (offset < total) {
      const view = pattern.view(offset, total - offset);
      const taken = socket.write(view);
      if (taken < 0) throw new Error("the socket is closed");
      offset += taken;
      if (taken < view.length) return false;
    }
    return true;
  };
  await waitFor(write, () => `everything is written, now ${offset} of ${total} bytes`);
}
