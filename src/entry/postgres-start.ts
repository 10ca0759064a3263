import type { Reason } from "../base/reason.ts";
import type { Step, StepAnswer, StepPlan } from "./step.ts";

/** Clients that speak Postgres may ask for encryption before anything else. */
export class PostgresStartPlan implements StepPlan {
  /**
   * @param timeoutMs see {@link StepPlan.timeoutMs}
   * @param endsTls the clients' TLS ends here: they get it when they ask for it, and have to
   */
  constructor(
    readonly timeoutMs: number,
    private readonly endsTls: boolean,
  ) {}

  stepFor(): Step {
    return new PostgresStart(this.endsTls);
  }
}

/** More requests than a client has reason for. */
const BYTES_MAX = 64;
const REQUEST_SIZE = 8;

/** What stands in the place of a version. */
const Code = { cancel: 80_877_102, tls: 80_877_103, gss: 80_877_104 } as const;

/** The first byte of a record of TLS: nobody has asked, as PostgreSQL 17 and later may begin. */
const HANDSHAKE_RECORD = 0x16;

const YES = Uint8Array.of(0x53);
const NO = Uint8Array.of(0x4e);

/** An ErrorResponse, as Postgres itself turns away who must speak TLS and does not. */
const REFUSAL = errorResponse("28000", "this server takes connections with TLS alone");

/**
 * Answers what a client of Postgres asks before its session begins.
 *
 *     request for TLS            S, and TLS begins; N where no TLS ends here, and the client decides
 *     request for GSS            N, and the client decides
 *     request to cancel          is passed on, also in plain: older clients have no other way
 *     TLS at once                is taken as it is
 *     the session itself         is passed on; refused where TLS ends here
 *
 * The answer does not depend on any upstream, so that nobody waits for one that is down.
 *
 * Source: PostgreSQL, Frontend/Backend Protocol, Message Flow and Message Formats.
 */
export class PostgresStart implements Step {
  readonly most = BYTES_MAX;
  private begun = new Uint8Array(0);
  private consumed = 0;

  constructor(private readonly endsTls: boolean) {}

  feed(bytes: Uint8Array): StepAnswer {
    this.begun = Buffer.concat([this.begun, bytes]);
    let said = 0;
    for (;;) {
      const { begun } = this;
      if (begun[0] === HANDSHAKE_RECORD) return this.done(said);
      if (begun.length < REQUEST_SIZE) {
        return { is: "more", consumed: this.consumed, ...reply(said, null) };
      }
      const code = new DataView(begun.buffer, begun.byteOffset).getUint32(4);
      const isRequest = begun[3] === REQUEST_SIZE && (code === Code.tls || code === Code.gss);
      if (!isRequest) return code === Code.cancel ? this.cancels(said) : this.begins(said);
      this.consumed += REQUEST_SIZE;
      this.begun = begun.subarray(REQUEST_SIZE);
      if (code === Code.tls && this.endsTls) return this.done(said, YES);
      if (this.consumed > BYTES_MAX) return { is: "refused", reason: "preamble_invalid" };
      said++;
    }
  }

  giveUp(why: Reason): StepAnswer & { readonly is: "done" | "refused" } {
    // The upstream decides about who sends nothing more.
    if (!this.endsTls) return this.done(0);
    const isLate = why === "preamble_timeout";
    return { is: "refused", reason: isLate ? "tls_handshake_timeout" : "tls_handshake_failed" };
  }

  private done(said: number, answer: Uint8Array | null = null) {
    const { consumed } = this;
    return { is: "done", consumed, learned: {}, ...reply(said, answer) } as const;
  }

  private cancels(said: number): StepAnswer {
    return { ...this.done(said), learned: { staysPlain: true } };
  }

  private begins(said: number): StepAnswer {
    if (!this.endsTls) return this.done(said);
    return { is: "refused", reason: "tls_plain_text", reply: REFUSAL };
  }
}

/** @param said requests that were answered with no */
function reply(said: number, last: Uint8Array | null): { readonly reply?: Uint8Array } {
  const all = [...Array.from({ length: said }, () => NO), ...(last === null ? [] : [last])];
  return all.length === 0 ? {} : { reply: Buffer.concat(all) };
}

function errorResponse(code: string, text: string): Uint8Array {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${text}\0\0`);
  const head = Buffer.from("E\0\0\0\0");
  head.writeInt32BE(4 + fields.length, 1);
  return Buffer.concat([head, fields]);
}
