import type { LoadOptions as JsYamlOptions } from "js-yaml";
import { notValid } from "./parser-failure.ts";

/** YAML's tag of a merge key. */
const MERGE = "tag:yaml.org,2002:merge";
/** The most merged keys of a document: as many as it may have values. */
const MERGED_MAX = 100_000;

/** The types of js-yaml lack this option. */
interface LoadOptions extends JsYamlOptions {
  readonly maxTotalMergeKeys: number;
}

/**
 * Reads YAML 1.2 with merge keys (`<<`), and refuses a key that a table has twice. Loads the parser
 * when the first file needs it.
 *
 * @returns null for a document with only comments
 * @throws ConfigError that says what is wrong, and where
 */
export async function parseYaml(text: string): Promise<unknown> {
  const { CORE_SCHEMA, loadAll, Type, YAMLException } = await import("js-yaml");
  // The default schema has it, too, but also reads dates, which no setting is.
  const merge = new Type(MERGE, { kind: "scalar", resolve: (key) => key === "<<" });
  const schema = CORE_SCHEMA.extend({ implicit: [merge] });
  try {
    const options: LoadOptions = { schema, maxTotalMergeKeys: MERGED_MAX };
    const documents = loadAll(text, null, options);
    if (documents.length > 1) throw notValid("YAML", "expected one document, not several", null);
    return documents[0];
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    throw notValid("YAML", error.reason, error.mark.line + 1);
  }
}
