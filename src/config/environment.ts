import { ConfigError, describe } from "../base/error.ts";
import { withoutNamed } from "../base/secret-keys.ts";
import { veiled } from "./secrets.ts";

/** Environment variables by their names, such as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Nothing but a reference to a variable with a usual name. */
const PLAIN_REFERENCE = /^\$\{[A-Z_][A-Z\d_]*\}$/;

/**
 * Puts environment variables into a text: `${NAME}`, `${NAME:-default}` if NAME may be unset or
 * empty, and `$${` for a plain `${`. Their values are not searched for more variables.
 *
 * @param isSecret whether messages must not repeat any part of the text
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
    // The object may have inherited a member of that name.
    const isSet = typeof value === "string";
    if (otherwise !== undefined && (!isSet || value === "")) return otherwise;
    if (isSet) return value;
    // What looks like a name may be a part of a password.
    const which = isVeiled ? "a variable in it" : `the environment variable ${name}`;
    throw new ConfigError(`${shown}: ${which} is not set`);
  });
}
