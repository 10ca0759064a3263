import { ConfigError, describe } from "../base/error.ts";
import { withoutNamed } from "../base/secret-keys.ts";
import { veiled } from "./secrets.ts";

/** Environment variables by their names, such as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A reference and nothing else, to a variable as people name them. */
const PLAIN_REFERENCE = /^\$\{[A-Z_][A-Z\d_]*\}$/;

/**
 * Puts environment variables into a text: `${NAME}`, `${NAME:-what else}` where NAME is not set or
 * empty, and `$${` for a plain `${`. What they hold is text and nothing else: it is not looked into
 * for more variables.
 *
 * @param isSecret no message may repeat the text, or a part of it
 * @throws ConfigError with one sentence that begins with the text, for a variable that is not set
 */
export function fillIn(text: string, environment: Environment, isSecret = false): string {
  const isNamed = withoutNamed(text) !== text;
  const isVeiled = (isSecret || isNamed) && !PLAIN_REFERENCE.test(text);
  const shown = isVeiled ? veiled(text) : describe(text);
  return text.replace(/\$(\$\{)|\$\{([^}]*)(\}?)/g, (_, plain, inner = "", end = "") => {
    if (plain !== undefined) return plain;
    const [, name, otherwise] = /^([a-z_]\w*)(?::-(.*))?$/is.exec(inner) ?? [];
    if (name === undefined || end === "" || otherwise?.includes("${")) {
      const forms = "${NAME} or ${NAME:-default}, or $${ for a plain ${";
      throw new ConfigError(`${shown}: expected ${forms}`);
    }
    const value = environment[name];
    // Whatever object this is, it may have inherited a member of that name.
    const isSet = typeof value === "string";
    if (otherwise !== undefined && (!isSet || value === "")) return otherwise;
    if (isSet) return value;
    // What looks like a name may be a part of a password that happens to have these characters.
    const which = isVeiled ? "a variable in it" : `the environment variable ${name}`;
    throw new ConfigError(`${shown}: ${which} is not set`);
  });
}
