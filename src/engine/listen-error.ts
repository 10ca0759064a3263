import type { Address } from "../base/address.ts";

/** A listener of the same proxy that already has a port. */
export interface PortHolder {
  readonly address: Address;
  /** The same reload closes it, but only once everything new is open. */
  readonly isGoing: boolean;
}

/** ringway cannot listen on an address. `code` is the system's, such as EADDRINUSE or EACCES. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  constructor(
    readonly address: Address,
    readonly code: string,
    message: string,
    /** The listener that has the port, if it is the proxy's own. */
    readonly holder: PortHolder | null = null,
  ) {
    super(message);
  }
}
