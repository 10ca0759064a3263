import { notValid } from "./parser-failure.ts";

/**
 * Reads TOML. The parser is loaded for the first file that needs it.
 *
 * @throws ConfigError with what is wrong, and where
 */
export async function parseToml(text: string): Promise<unknown> {
  const { parse, TomlError } = await import("smol-toml");
  try {
    // In texts of several lines, too, a line ends alike whatever editor has written the file.
    return parse(text.replaceAll("\r\n", "\n"));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Behind the first line it repeats the text, which may have a secret in it.
    const [first = ""] = error.message.split("\n");
    throw notValid("TOML", first.replace("Invalid TOML document: ", ""), error.line);
  }
}
