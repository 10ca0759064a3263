import { cleanUpOrThrow } from "../../clean-up.ts";
import type { Sockets } from "./kernel.ts";

/** Closes a connection at once by RST, beside the ring: a worker lets go. Nothing for −1. */
export function resetNow(sockets: Sockets, descriptor: number): void {
  if (descriptor < 0) return;
  cleanUpOrThrow([() => sockets.resetOnClose(descriptor), () => sockets.closeNow(descriptor)]);
}
