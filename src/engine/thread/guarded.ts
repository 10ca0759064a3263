import { stackOf } from "../../base/stack.ts";
import { type Observer, together } from "../../relay/observer.ts";
import type { AskRoute } from "../../relay/route-questions.ts";
import type { ResolveName } from "../../upstream/names/ask.ts";
import { FreshAnswers } from "./fresh-answers.ts";
import type { Reporter } from "./reporter.ts";

/** What a worker's engine tells and asks, and nothing of which throws. */
export interface Guarded {
  readonly observer: Observer;
  readonly resolve: ResolveName;
  readonly askRoute: AskRoute;
  /** Does what belongs to telling. What it throws is told, and then it answers `otherwise`. */
  tell<T>(otherwise: T, call: () => T): T;
}

/**
 * A reporter for an engine: what goes wrong with telling is told, if that can be, and nothing else. A
 * question that could not be asked is one that nobody answers in time.
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
        // What the engine throws here is no matter of telling.
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
