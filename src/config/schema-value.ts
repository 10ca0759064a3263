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
