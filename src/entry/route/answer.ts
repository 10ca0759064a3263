import { describe, printable } from "../../base/error.ts";
import { NO_UPSTREAM } from "../../upstream/chooser.ts";
import type { Connection, Route } from "./connection.ts";

/** A validated {@link Decision}. */
export interface RouteChoice {
  /** Number of the upstream to try first; {@link NO_UPSTREAM} if it names none. */
  readonly upstream: number;
  /** No other upstream may be dialled. */
  readonly isStrict: boolean;
  /** At most {@link LABEL_LENGTH_MAX} printable characters; null for none. */
  readonly label: string | null;
  readonly isRefused: boolean;
}

/** The result of a question: a choice, or a short text that says why there is none. */
export type RouteAnswer = RouteChoice | { readonly failure: string };

/** Longest label, in UTF-16 code units. */
export const LABEL_LENGTH_MAX = 64;

/** Longest part of an error's message that is reported. */
const MESSAGE_LENGTH_MAX = 200;

const keys: readonly string[] = ["upstream", "strict", "label", "refuse"];

/** The choice of a function that returns nothing, and where there is none. */
export const ANYTHING: RouteChoice = {
  upstream: NO_UPSTREAM,
  isStrict: false,
  label: null,
  isRefused: false,
};

/**
 * Calls a route function. It is called from an empty stack because it may do anything: read
 * statistics, cut a relay, stop the proxy.
 *
 * @returns its decision; never rejects, and never settles if the function does not
 */
export async function answerOf(route: Route, connection: Connection): Promise<RouteAnswer> {
  await null;
  try {
    return choiceOf(await route(connection), connection.upstreams);
  } catch (error) {
    return {
      failure: error instanceof Nonsense ? error.message : `it throws: ${messageOf(error)}`,
    };
  }
}

/** The answer is no decision. The message contains no part of the answer. */
class Nonsense extends Error {}

type Given = Readonly<Record<string, unknown>>;

/** Validates an answer, which may be anything: functions may be untyped. */
function choiceOf(answer: unknown, upstreams: readonly string[]): RouteChoice {
  if (answer === undefined || answer === null) return ANYTHING;
  if (typeof answer !== "object" || Array.isArray(answer)) {
    throw new Nonsense(`it answers ${kindOf(answer)}: expected upstream, strict, label or refuse`);
  }
  if (Object.keys(answer).some((key) => !keys.includes(key))) {
    throw new Nonsense(
      "its answer has an unknown key: expected upstream, strict, label and refuse",
    );
  }
  const { upstream, strict = false, label, refuse = false } = answer as Given;
  if (typeof refuse !== "boolean") throw new Nonsense("refuse: expected true or false");
  if (typeof strict !== "boolean") throw new Nonsense("strict: expected true or false");
  const number = numberOf(upstream, upstreams);
  // Without an upstream the client would get none at all, which is hardly intended.
  if (strict && number === NO_UPSTREAM && !refuse) throw new Nonsense("strict: needs upstream");
  return { upstream: number, isStrict: strict, label: labelOf(label), isRefused: refuse };
}

function numberOf(upstream: unknown, upstreams: readonly string[]): number {
  if (upstream === undefined || upstream === null) return NO_UPSTREAM;
  const number = upstreams.indexOf(upstream as string);
  if (number < 0) throw new Nonsense("upstream: expected one of connection.upstreams");
  return number;
}

function labelOf(label: unknown): string | null {
  if (label === undefined || label === null || label === "") return null;
  const isLabel =
    typeof label === "string" &&
    label.length <= LABEL_LENGTH_MAX &&
    label.isWellFormed() &&
    printable(label) === label;
  if (isLabel) return label;
  throw new Nonsense(`label: expected at most ${LABEL_LENGTH_MAX} printable characters`);
}

/** The kind of a value, but not the value itself, as it may come from a client. */
function kindOf(value: unknown): string {
  return typeof value === "object" ? describe(value) : `a ${typeof value}`;
}

/** An error's message on one line; the error may be any value. */
function messageOf(error: unknown): string {
  try {
    const message = printable(String(error instanceof Error ? error.message : error));
    return message.slice(0, MESSAGE_LENGTH_MAX).toWellFormed();
  } catch {
    return "an error without a message";
  }
}
