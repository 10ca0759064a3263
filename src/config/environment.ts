import { ConfigError, describe } from "./error.ts";

/** Environment variables by their names, such as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Puts environment variables into a text: `${NAME}`, `${NAME:-what else}` where NAME is not set or
 * empty, and `$${` for a plain `${`. What they hold is text and nothing else: it is not looked into
 * for more variables.
 *
 * @throws ConfigError with one sentence that begins with the text, for a variable that is not set
 */
export function fillIn(text: string, environment: Environment): string {
  return text.replace(/\$(\$\{)|\$\{([^}]*)(\}?)/g, (_, plain, inner = "", end = "") => {
    if (plain !== undefined) return plain;
    const [, name, otherwise] = /^([a-z_]\w*)(?::-(.*))?$/is.exec(inner) ?? [];
    if (name === undefined || end === "" || otherwise?.includes("${")) {
      const forms = "${NAME} or ${NAME:-default}, or $${ for a plain ${";
      throw new ConfigError(`${describe(text)}: expected ${forms}`);
    }
    const value = environment[name];
    // Whatever object this is, it may have inherited a member of that name.
    const isSet = typeof value === "string";
    if (otherwise !== undefined && (!isSet || value === "")) return otherwise;
    if (isSet) return value;
    throw new ConfigError(`${describe(text)}: the environment variable ${name} is not set`);
  });
}
