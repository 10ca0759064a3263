import { type ConversionConfig, toJsonSchema } from "@valibot/to-json-schema";
import type { GenericSchema } from "valibot";
import { configSchema, type Ways } from "../src/config/schema.ts";

const config: ConversionConfig = {
  // The tables stand behind a check of their kind, values before their rule: an output is wanted
  // of the former, and the latter has its form beside it.
  typeMode: "output",
  ignoreActions: ["raw_transform"],
  overrideSchema: ({ valibotSchema, jsonSchema }) => {
    if (valibotSchema.type !== "lazy") return jsonSchema;
    const { ways } = valibotSchema as unknown as Ways<GenericSchema>;
    return { anyOf: ways.map(convert) };
  },
};

/** The JSON Schema of a configuration file, as it is kept. */
export function renderJsonSchema(): string {
  const head = { $schema: "http://json-schema.org/draft-07/schema#", title: "ringway" };
  return `${JSON.stringify({ ...head, ...convert(configSchema) }, null, 2)}\n`;
}

function convert(schema: GenericSchema) {
  // The definitions are of lazy schemas, which are written out where they are.
  const { $schema: _, $defs: __, ...rest } = toJsonSchema(schema, config);
  return rest;
}
