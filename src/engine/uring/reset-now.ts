import { cleanUpOrThrow } from "../../clean-up.ts";
import type { Held } from "../held.ts";
import type { Sockets } from "./kernel.ts";

/** Closes a connection at once by RST, beside the ring: a worker lets go. */
export function resetNow(sockets: Sockets, held: Held, descriptor: number): void {
  cleanUpOrThrow([
    () => sockets.resetOnClose(descriptor),
    () => {
      held.closed(descriptor);
      sockets.closeNow(descriptor);
    },
  ]);
}
