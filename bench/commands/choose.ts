import type { ProxyAdapter } from "../proxies/proxy.ts";
import { ringwayWith } from "../proxies/ringway.ts";
/** The request cannot be fulfilled; the message says what was expected. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Those of `all` whose names a comma-separated list gives, in the order of `all`; all of them when
 * there is no list. `name*` stands for every name that begins so.
 *
 * @throws UsageError for a name that is not there
 */
export function choose<T extends { readonly name: string }>(
  what: string,
  list: string | undefined,
  all: readonly T[],
): T[] {
  if (list === undefined) return [...all];
  const wanted = list.split(",").map((name) => new Bun.Glob(name.trim()));
  for (const [index, glob] of wanted.entries()) {
    if (all.some(({ name }) => glob.match(name))) continue;
    const known = all.map(({ name }) => name).join(", ");
    throw new UsageError(`no ${what} "${list.split(",")[index]}"; there are: ${known}`);
  }
  return all.filter(({ name }) => wanted.some((glob) => glob.match(name)));
}

/**
 * A whole number above 0.
 *
 * @throws UsageError when the text is none
 */
export function positive(option: string, text: string | undefined, initial: number): number {
  if (text === undefined) return initial;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new UsageError(`${option} must be a whole number above 0, got "${text}"`);
}

/** `NAME=FLAGS;NAME=FLAGS`: ringway with other flags, each to be compared with the rest. */
export function variants(text: string | undefined): ProxyAdapter[] {
  if (text === undefined) return [];
  return text.split(";").map((one) => {
    const [, name, flags] = /^\s*([\w-]+)=(.*)$/.exec(one) ?? [];
    if (name === undefined || flags === undefined) {
      throw new UsageError(`--variants "${one}": expected NAME=FLAGS`);
    }
    return ringwayWith(name, flags.trim().split(/\s+/));
  });
}
