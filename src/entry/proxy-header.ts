import { assert } from "../assert.ts";
import type { Reason } from "../base/reason.ts";
import type { EdgeOptions } from "../config/options.ts";
import type { ClientAddress } from "./access/client-address.ts";
import { NetworkSet } from "./access/networks.ts";
import { HEADER_SIZE_MAX, ProxyHeaderParser } from "./proxy-protocol/parser.ts";
import type { Step, StepAnswer, StepPlan } from "./step.ts";

/** The step of listeners whose trusted clients begin with a PROXY header. */
export class ProxyHeaderPlan implements StepPlan {
  readonly timeoutMs: number;
  private readonly mustBe: boolean;

  /** @param trusted networks whose headers are believed; null for all */
  constructor(
    { preambleTimeoutMs, proxyProtocol }: EdgeOptions,
    private readonly trusted: NetworkSet<true> | null,
  ) {
    this.timeoutMs = preambleTimeoutMs;
    this.mustBe = proxyProtocol === "required";
  }

  /** The plan of a listener; null if its clients send no header. */
  static of(edge: EdgeOptions): ProxyHeaderPlan | null {
    const { tables, proxyProtocol } = edge;
    if (proxyProtocol === "off") return null;
    assert(tables !== undefined, "of: a listener that reads headers knows whose it believes");
    const { trusted } = tables;
    return new ProxyHeaderPlan(edge, trusted === null ? null : new NetworkSet(trusted));
  }

  stepFor(peer: ClientAddress): Step | Reason | null {
    if (this.trusted?.has(peer) ?? true) return new ProxyHeaderStep(this.mustBe);
    return this.mustBe ? "preamble_untrusted" : null;
  }
}

/**
 * Reads and consumes a PROXY header. If the header is optional and missing, the whole stream goes
 * on to the next step. Until the step knows, it consumes nothing: at most 11 bytes wait.
 */
export class ProxyHeaderStep implements Step {
  readonly most = HEADER_SIZE_MAX;
  private readonly parser = new ProxyHeaderParser();
  private read = 0;

  /** @param mustBe whether a client without a header is refused */
  constructor(private readonly mustBe: boolean) {}

  feed(bytes: Uint8Array): StepAnswer {
    const { parser } = this;
    this.read += parser.push(bytes);
    switch (parser.state) {
      case "partial":
        return { is: "more", consumed: parser.isUndecided ? 0 : this.read };
      case "done":
        return this.answer("preamble_invalid");
      case "absent":
        return this.absent("preamble_invalid");
      case "invalid":
        return { is: "refused", reason: "preamble_invalid" };
    }
  }

  giveUp(why: Reason): StepAnswer & { readonly is: "done" | "refused" } {
    this.parser.ended();
    return this.answer(why);
  }

  private answer(why: Reason): StepAnswer & { readonly is: "done" | "refused" } {
    const { header, state } = this.parser;
    if (header !== null) return { is: "done", consumed: this.read, learned: { header } };
    return state === "absent" ? this.absent(why) : { is: "refused", reason: why };
  }

  private absent(why: Reason): StepAnswer & { readonly is: "done" | "refused" } {
    if (this.mustBe) return { is: "refused", reason: why };
    return { is: "done", consumed: 0, learned: NOTHING };
  }
}

const NOTHING = {};
