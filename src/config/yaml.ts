import { notValid } from "./parser-failure.ts";

/**
 * Reads YAML 1.2 with its merge keys (`<<`). A key that a table has twice is refused. The parser is
 * loaded for the first file that needs it.
 *
 * @returns undefined for comments alone
 * @throws ConfigError with what is wrong, and where
 */
export async function parseYaml(text: string): Promise<unknown> {
  const { CORE_SCHEMA, loadAll, mergeTag, YAMLException } = await import("js-yaml");
  try {
    const documents = loadAll(text, { schema: CORE_SCHEMA.withTags(mergeTag) });
    if (documents.length > 1) throw notValid("YAML", "expected one document, not several", null);
    return documents[0];
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const { mark, reason } = error;
    throw notValid("YAML", reason, mark === undefined ? null : mark.line + 1);
  }
}
