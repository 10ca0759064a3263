import type { LoadOptions as JsYamlOptions } from "js-yaml";
import { notValid } from "./parser-failure.ts";

/** What a key that merges is called by the language. */
const MERGE = "tag:yaml.org,2002:merge";
/** Most keys that are merged, all together: as many as a document may have values. */
const MERGED_MAX = 100_000;

/** Its types do not know this yet. */
interface LoadOptions extends JsYamlOptions {
  readonly maxTotalMergeKeys: number;
}

/**
 * Reads YAML 1.2 with its merge keys (`<<`). A key that a table has twice is refused. The parser is
 * loaded for the first file that needs it.
 *
 * @returns null for comments alone
 * @throws ConfigError with what is wrong, and where
 */
export async function parseYaml(text: string): Promise<unknown> {
  const { CORE_SCHEMA, loadAll, Type, YAMLException } = await import("js-yaml");
  // Its default schema has this, too, but reads dates, which no setting is.
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
