import type { CheckOptions } from "./check-options.ts";
import type { Conversation, Move, Verdict } from "./conversation.ts";
import { Mask } from "./mask.ts";
import { shown, shownText } from "./shown.ts";

/** Protocol 3.0, as major and minor number. */
const PROTOCOL = 0x0003_0000;

/** A longer error is from before protocol 3, which had no lengths; libpq has the same limit. */
const MESSAGE_BYTES_MAX = 30_000;

const AUTHENTICATION = 0x52; // R
const ERROR = 0x45; // E
const NOTICE = 0x4e; // N
const NEGOTIATE = 0x76; // v

/**
 * Tells a Postgres that it would like to log in, and no more.
 *
 * The server is alive if it asks for a password, lets us in, or refuses us for a reason of ours (no
 * such user, no such database, not from this host, too many connections), because clients may still
 * get in. It is not if it is starting (57P03), stopping (57P01) or has crashed (57P02).
 *
 * Source: PostgreSQL, Frontend/Backend Protocol, Message Formats; Appendix A, Error Codes.
 */
export class PostgresConversation implements Conversation {
  // Postgres logs a reset as an error, but not an end before the password.
  readonly farewell = "fin";
  private readonly user: string;
  private isAsked = false;

  constructor({ user = "ringway" }: CheckOptions) {
    this.user = user;
  }

  next(answer: Uint8Array): Move {
    if (!this.isAsked) {
      this.isAsked = true;
      return { send: startup(this.user) };
    }
    const view = new DataView(answer.buffer, answer.byteOffset, answer.length);
    let at = 0;
    for (;;) {
      const type = answer[at];
      if (type === undefined) return { awaits: "an answer to the startup" };
      if (![AUTHENTICATION, ERROR, NOTICE, NEGOTIATE].includes(type)) return unexpected(answer);
      if (at + 5 > answer.length) return { awaits: "an answer to the startup" };
      const size = view.getInt32(at + 1);
      if (size < 8 || size > MESSAGE_BYTES_MAX) {
        if (type !== ERROR) return unexpected(answer);
        return { ok: false, detail: `error ${shown(answer.subarray(at + 1), Mask.none)}` };
      }
      if (type === AUTHENTICATION) return { ok: true, detail: "answers the startup" };
      const end = at + 1 + size;
      if (end > answer.length) return { awaits: "the rest of an answer" };
      if (type === ERROR) return judgeError(answer.subarray(at + 5, end));
      at = end;
    }
  }
}

function startup(user: string): Uint8Array {
  const settings = ["user", user, "application_name", "ringway check"];
  const body = Buffer.from(`${settings.join("\0")}\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(head.length + body.length, 0);
  head.writeInt32BE(PROTOCOL, 4);
  return Buffer.concat([head, body]);
}

/** @param fields the fields of an ErrorResponse: a letter and text each, ended by a zero byte */
function judgeError(fields: Uint8Array): Verdict {
  let code = "";
  let message = "";
  for (const field of Buffer.from(fields).toString("latin1").split("\0")) {
    if (field.startsWith("C")) code = field.slice(1);
    if (field.startsWith("M")) message = field.slice(1);
  }
  if (!/^[0-9A-Z]{5}$/.test(code)) return { ok: false, detail: "got an error without a code" };
  const isDown = ["57P01", "57P02", "57P03"].includes(code);
  const told = `${code} ${shownText(message, Mask.none)}`;
  return isDown ? { ok: false, detail: `error ${told}` } : { ok: true, detail: `alive: ${told}` };
}

function unexpected(answer: Uint8Array): Verdict {
  return { ok: false, detail: `expected a Postgres, got ${shown(answer, Mask.none)}` };
}

/** Eight bytes: their own length, and a number that asks for TLS in place of a version. */
const SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f);

/**
 * Asks a Postgres for TLS, in plaintext; it passes if the handshake may begin.
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
    if (answer.length === 0) return { awaits: "an answer to the TLS request" };
    // Plaintext after the S would pass for what the server says by TLS.
    if (answer.length > 1 || answer[0] !== 0x53) {
      const why = answer.length === 1 && answer[0] === 0x4e ? "it has none" : "expected S";
      return { ok: false, detail: `TLS: ${why}, got ${shown(answer, Mask.none)}` };
    }
    return { ok: true, detail: "has TLS" };
  }
}
