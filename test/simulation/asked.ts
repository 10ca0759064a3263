/** What a client of a listener with routes asks for; its bytes are its flow's. */
export interface Asked {
  readonly bytes: Uint8Array;
  /** A name of the first upstream, one of the others, one that is refused, one that nobody knows, no TLS, nonsense. */
  readonly is: "first" | "others" | "refused" | "unknown" | "plain" | "wrong";
  /** It sends the first part, and nothing more. */
  readonly isCut: boolean;
}
