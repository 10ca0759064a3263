import type { Command } from "./command-table.ts";

/** Hears of the reply to a request that ringway itself has made. */
export type OnOwnReply = (reply: string, errorText: string | null) => void;

/** Who is owed a reply. */
export interface Asker {
  /** It has left: the reply is read and thrown away. */
  readonly isGone: boolean;
  /** Says who it is. */
  readonly facts: () => { readonly client: string };
  /** It takes no more replies now: the connection waits, at most for a moment, until it is told to go on. */
  holdsUp(connection: { takeOn(): void }): boolean;
  /** Bytes of its next reply. @param isWhole these are the last ones */
  receive(bytes: Uint8Array, from: number, to: number): void;
  /** A reply is whole. @param errorText the beginning of an error; null for any other reply */
  replied(asked: Asked, errorText: string | null, size: number): void;
  /**
   * The connection is lost, and the reply with it.
   *
   * @param begun whether a part of it was received
   * @param wasConnected whether the upstream may have got the request
   */
  lost(asked: Asked, begun: boolean, wasConnected: boolean): void;
  /** The connection is lost, and the request, which only reads, may be sent on another one. */
  askAgain(asked: Asked): void;
}

/** One request on its way: a reply is owed for it. Owner: the connection that it was sent on. */
export class Asked {
  /**
   * @param asker null if ringway itself asks
   * @param onReply hears the reply, if ringway itself asks
   * @param request its bytes, if it may be asked again
   */
  constructor(
    readonly asker: Asker | null,
    readonly command: Command,
    readonly onReply: OnOwnReply | null = null,
    readonly request: Uint8Array | null = null,
    /** How often it was asked before. */
    readonly tries = 0,
    /** Bytes of the request. */
    readonly size = 0,
    /** When it began to wait for a connection; 0 if it did not have to. */
    readonly heldAt = 0,
  ) {}
}
