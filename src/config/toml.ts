import { notValid } from "./parser-failure.ts";

/**
 * Reads TOML. Loads the parser when the first file needs it.
 *
 * @throws ConfigError that says what is wrong, and where
 */
export async function parseToml(text: string): Promise<unknown> {
  const { parse, TomlError } = await import("smol-toml");
  try {
    // Lines of a multi-line text end alike, whatever editor wrote the file.
    return parse(text.replaceAll("\r\n", "\n"));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // After the first line it quotes the text, which may contain a secret.
    const [first = ""] = error.message.split("\n");
    throw notValid("TOML", first.replace("Invalid TOML document: ", ""), error.line);
  }
}
