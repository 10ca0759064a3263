import type { Reason } from "../../base/reason.ts";
import type { Step, StepAnswer, StepPlan } from "../step.ts";
import { Alert, alertRecord, plainHello } from "./hello.ts";
import { HELLO_SIZE_MAX, HelloReader } from "./reader.ts";

/** Clients of a listener with routes begin with a ClientHello, or do not speak TLS. */
export class HelloPlan implements StepPlan {
  /**
   * @param timeoutMs see {@link StepPlan.timeoutMs}
   * @param mayBePlain clients need not speak TLS: one that says nothing in time may wait for its upstream to speak
   */
  constructor(
    readonly timeoutMs: number,
    private readonly mayBePlain: boolean,
  ) {}

  stepFor(): Step {
    return new HelloStep(this.mayBePlain);
  }
}

/**
 * Reads a ClientHello and leaves it where it is: the upstream gets every byte. A client that breaks the rules of TLS
 * gets the alert for that. Whether one that does not speak TLS may come in, the routes say.
 */
export class HelloStep implements Step {
  /** The reader itself refuses a client that has sent so much, with an alert. */
  readonly most = HELLO_SIZE_MAX;
  private readonly reader = new HelloReader();

  /** @param mayBePlain a client that says nothing in time is one without TLS */
  constructor(private readonly mayBePlain: boolean) {}

  feed(bytes: Uint8Array): StepAnswer {
    const { reader } = this;
    reader.push(bytes);
    if (reader.alert !== null) return refused("tls_hello_invalid", reader.alert);
    if (reader.hello === null) return { is: "more", consumed: 0 };
    return { is: "done", consumed: 0, learned: { hello: reader.hello } };
  }

  giveUp(why: Reason): StepAnswer & { readonly is: "done" | "refused" } {
    const { isUnheard } = this.reader;
    if (isUnheard && this.mayBePlain) {
      return { is: "done", consumed: 0, learned: { hello: plainHello } };
    }
    if (why === "preamble_timeout") return { is: "refused", reason: "tls_hello_timeout" };
    // One that leaves without a word, such as a check of a load balancer, reads no alert either.
    if (isUnheard) return { is: "refused", reason: "tls_hello_invalid" };
    return refused("tls_hello_invalid", Alert.DecodeError);
  }
}

function refused(reason: Reason, alert: Alert): StepAnswer & { readonly is: "refused" } {
  return { is: "refused", reason, reply: alertRecord(alert) };
}
