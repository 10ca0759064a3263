import { ConfigError } from "../../config/error.ts";
import json from "./example.json" with { type: "text" };
import toml from "./example.toml" with { type: "text" };
import ts from "./example.ts" with { type: "text" };
import yaml from "./example.yaml" with { type: "text" };

// TypeScript sees what these files hold and not that they are taken as texts.
const examples: Readonly<Record<string, unknown>> = {
  ".toml": toml,
  ".yaml": yaml,
  ".yml": yaml,
  ".json": json,
  ".ts": ts,
};

/**
 * An example of a configuration file, with comments where its language has them.
 *
 * @param suffix in small letters, with its dot
 * @throws ConfigError for a language that there is no example in
 */
export function exampleFor(suffix: string): string {
  const example = examples[suffix];
  if (typeof example === "string") return example;
  throw new ConfigError("expected a name that ends in .toml, .yaml, .yml, .json or .ts");
}
