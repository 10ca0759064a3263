import type { Conversation, Move } from "./conversation.ts";
import { Mask } from "./mask.ts";
import { shown } from "./shown.ts";

/** Eight bytes: their own length, and the number that stands for the wish in place of a version. */
const SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f);

/**
 * Asks a Postgres for TLS, in plain; it is well when the handshake may begin.
 *
 * Source: PostgreSQL, Frontend/Backend Protocol, SSL Session Encryption.
 */
export class PostgresTlsRequest implements Conversation {
  readonly farewell = "fin";
  private isAsked = false;

  next(answer: Uint8Array): Move {
    if (!this.isAsked) {
      this.isAsked = true;
      return { send: SSL_REQUEST };
    }
    if (answer.length === 0) return { awaits: "an answer to the wish for TLS" };
    // What comes behind the S in plain would pass for what was said in secret.
    if (answer.length > 1 || answer[0] !== 0x53) {
      const why = answer.length === 1 && answer[0] === 0x4e ? "it has none" : "expected S";
      return { ok: false, detail: `TLS: ${why}, got ${shown(answer, Mask.none)}` };
    }
    return { ok: true, detail: "has TLS" };
  }
}
