import type { Address } from "../base/address.ts";

/** The listener of the same proxy that has a port already. */
export interface PortHolder {
  readonly address: Address;
  /** The reload that wants the port closes it, but only when everything new is open. */
  readonly isGoing: boolean;
}

/** An address could not be listened on. `code` is the system's, such as EADDRINUSE or EACCES. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  constructor(
    readonly address: Address,
    readonly code: string,
    message: string,
    /** Who has the port, if the proxy itself has it. */
    readonly holder: PortHolder | null = null,
  ) {
    super(message);
  }
}
