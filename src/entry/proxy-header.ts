import { assert } from "../assert.ts";
import type { Reason } from "../base/reason.ts";
import type { EdgeOptions } from "../config/options.ts";
import type { ClientAddress } from "./access/client-address.ts";
import { NetworkSet } from "./access/networks.ts";
import { HEADER_SIZE_MAX, ProxyHeaderParser } from "./proxy-protocol/parser.ts";
import type { Step, StepAnswer, StepPlan } from "./step.ts";

/** Clients of a listener begin with a PROXY header, if they are believed. */
export class ProxyHeaderPlan implements StepPlan {
  readonly timeoutMs: number;
  private readonly mustBe: boolean;

  /** @param trusted whose headers are believed; null for everybody's */
  constructor(
    { preambleTimeoutMs, proxyProtocol }: EdgeOptions,
    private readonly trusted: NetworkSet<true> | null,
  ) {
    this.timeoutMs = preambleTimeoutMs;
    this.mustBe = proxyProtocol === "required";
  }

  /** That of a listener; null when its clients send no header. */
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
 * Reads a PROXY header, which it consumes. A stream that begins with none is the next one's, whole, where a
 * header may be left out. Until that is known the bytes stay where they are: at most 11.
 */
export class ProxyHeaderStep implements Step {
  readonly most = HEADER_SIZE_MAX;
  private readonly parser = new ProxyHeaderParser();
  private read = 0;

  /** @param mustBe a client without a header is refused */
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

  giveUp(why: Reason, isSilent: boolean): StepAnswer & { readonly is: "done" | "refused" } {
    if (!isSilent) return { is: "refused", reason: why };
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
