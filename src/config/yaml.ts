import { ConfigError } from "../base/error.ts";
import { notValid } from "./parser-failure.ts";

/** What names a value, to be used again. The parser compares each with all before it. */
const ANCHOR = /(?<=^|[\s,[{])&\S/gm;
/** What a key that merges is called by the language. */
const MERGE = "tag:yaml.org,2002:merge";
/** Most anchors. */
const ANCHORS_MAX = 1_000;

/**
 * Reads YAML 1.2 with its merge keys (`<<`). A key that a table has twice is refused. The parser is
 * loaded for the first file that needs it.
 *
 * @returns null for comments alone
 * @throws ConfigError with what is wrong, and where
 */
export async function parseYaml(text: string): Promise<unknown> {
  if ((text.match(ANCHOR)?.length ?? 0) > ANCHORS_MAX) {
    throw new ConfigError("has too many anchors for a configuration");
  }
  const { CORE_SCHEMA, loadAll, Type, YAMLException } = await import("js-yaml");
  // Its default schema has this, too, but reads dates, which no setting is.
  const merge = new Type(MERGE, { kind: "scalar", resolve: (key) => key === "<<" });
  const schema = CORE_SCHEMA.extend({ implicit: [merge] });
  try {
    const documents = loadAll(text, null, { schema });
    if (documents.length > 1) throw notValid("YAML", "expected one document, not several", null);
    return documents[0];
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    throw notValid("YAML", error.reason, error.mark.line + 1);
  }
}
