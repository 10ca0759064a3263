import { cleanUpOrThrow } from "../../base/clean-up.ts";
import type { Held } from "../held.ts";
import type { Sockets } from "./kernel.ts";

/** Closes a connection by RST, or what listens, at once and beside the ring: a worker lets go. */
export function resetNow(sockets: Sockets, held: Held, descriptor: number): void {
  cleanUpOrThrow([
    () => {
      if (!held.listens(descriptor)) sockets.resetOnClose(descriptor);
    },
    () => {
      held.closed(descriptor);
      sockets.closeNow(descriptor);
    },
  ]);
}
