import * as v from "valibot";
import { ConfigError } from "./error.ts";
import type * as form from "./forms.ts";
import type { Rule } from "./rule.ts";

/** A value of any kind, judged by its rule alone. */
export function value<T>(rule: Rule<T>, shape: form.Form, description: string, initial?: unknown) {
  const told = initial === undefined ? {} : { default: initial };
  return v.pipe(
    v.unknown(),
    judged<unknown, T>(rule),
    v.metadata({ ...shape, ...told, description }),
  );
}

/**
 * Makes what may be given by the name of its rule.
 *
 * @param rules of all that is of a kind, by their names
 */
export function settingsBy<Values>(rules: { readonly [K in keyof Values]: Rule<Values[K]> }) {
  return <K extends keyof Values>(
    key: K,
    shape: form.Form,
    description: string,
    initial?: unknown,
  ) => v.optional(value(rules[key], shape, description, initial));
}

/** Judges a value by a rule. */
export function judged<Input, T>(rule: Rule<T>) {
  return v.rawTransform<Input, T>(({ dataset, addIssue, NEVER }) => {
    try {
      return rule(dataset.value);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      addIssue({ message: error.message });
      return NEVER;
    }
  });
}
