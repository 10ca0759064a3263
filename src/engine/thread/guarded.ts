import { stackOf } from "../../base/stack.ts";
import { type Observer, together } from "../../relay/observer.ts";
import type { AskRoute } from "../../relay/route-questions.ts";
import type { ResolveName } from "../../upstream/names/ask.ts";
import { FreshAnswers } from "./fresh-answers.ts";
import type { Reporter } from "./reporter.ts";

/** A reporter's functions for the worker's engine. None of them throws. */
export interface Guarded {
  readonly observer: Observer;
  readonly resolve: ResolveName;
  readonly askRoute: AskRoute;
  /** Calls a reporting function. If it throws, reports that and returns `otherwise`. */
  tell<T>(otherwise: T, call: () => T): T;
}

/**
 * Guards an engine against errors in reporting: such an error is reported, if possible, and has no
 * other effect. A question that could not be sent times out like one without an answer.
 */
export function guarded(reporter: Reporter): Guarded {
  const observer = together([reporter]);
  const fresh = new FreshAnswers();
  const tell = <T>(otherwise: T, call: () => T): T => {
    try {
      return call();
    } catch (error) {
      observer.on({ event: "untold", error: stackOf(error) });
      return otherwise;
    }
  };
  return {
    observer,
    resolve: (address, slot, answer) => {
      const known = fresh.of(address);
      if (known !== null) {
        // Not within `tell`: what the engine throws here is not an error in reporting.
        answer(known);
        return;
      }
      const learn: typeof answer = (addresses, refusal) => {
        fresh.learn(address, addresses);
        answer(addresses, refusal);
      };
      tell(undefined, () => reporter.resolve(address, slot, learn));
    },
    askRoute: (...question) =>
      tell(
        () => {},
        () => reporter.askRoute(...question),
      ),
    tell,
  };
}
