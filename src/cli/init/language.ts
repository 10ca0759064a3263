import { Code } from "../../config/table/setting.ts";

/** How to write an example in a language. */
export interface Language {
  /** Begins a comment; also comments out settings. */
  readonly sign: "#" | "//";
  /** The most columns by which `compose` indents a line. */
  readonly margin: number;
  /** Whether it can have code. */
  readonly isCode: boolean;
  /** Writes a key and its value on one line. */
  line(key: string, value: unknown): string;
  /** The head of the file: how to use it, and how to write values. */
  readonly notes: readonly string[];
  /** Joins the parts, which are lists of lines. */
  whole(parts: Parts): readonly string[];
}

/** The parts of an example, as lines without indentation. */
export interface Parts {
  readonly notes: readonly string[];
  readonly top: readonly string[];
  /** The first part that is not commented out. */
  readonly listeners: readonly (readonly string[])[];
  readonly uring: readonly string[];
}

/** The comments above the parts. */
const ABOUT_LISTENERS = "As many as you like, each with upstreams and settings of its own.";
const ABOUT_URING = "How io_uring is used. The defaults are what measures best.";

/** A value with an environment variable: its name and its default. */
const VARIABLE = /^\$\{(\w+):-(.*)\}$/;

function written(value: unknown, assign: string, text: (value: string) => string): string {
  if (value instanceof Code) return value.text;
  if (typeof value === "string") return text(value);
  if (Array.isArray(value)) {
    return `[${value.map((item) => written(item, assign, text)).join(", ")}]`;
  }
  if (typeof value !== "object" || value === null) return String(value);
  const pairs = Object.entries(value).map(
    ([key, one]) => `${key}${assign}${written(one, assign, text)}`,
  );
  return `{ ${pairs.join(", ")} }`;
}

function notes(file: string, addresses: string, texts: string, more: readonly string[]): string[] {
  return [
    `ringway check ${file}   says whether this file is right`,
    `ringway -c ${file}      starts the proxy; flags win over the file`,
    ...more,
    "",
    addresses,
    'an upstream may also be a service in DNS: "srv:_redis._tcp.example.org".',
    'Times are "500ms", "5s", "2m", "1h" or a number of seconds.',
    'Sizes are "64KiB", "1MiB" or a number of bytes.',
    texts,
  ];
}

const ADDRESSES = 'Addresses are "host:port", ":port", "[::1]:port", "unix:/path", "unix:@name";';
const VARIABLES = 'Texts may have environment variables: "${NAME}", "${NAME:-what else}".';
const SCHEMA = "ringway schema               prints a JSON Schema, for completion in an editor";

const off = (line: string) => `#${line}`;

/** TOML. */
export const toml: Language = {
  sign: "#",
  margin: 0,
  isCode: false,
  line: (key, value) => `${key} = ${written(value, " = ", JSON.stringify)}`,
  notes: notes("ringway.toml", ADDRESSES, VARIABLES, [SCHEMA]),
  whole: ({ notes, top, listeners, uring }) => [
    ...notes,
    "",
    ...top,
    ...listeners.flatMap((lines, index) => {
      const table = ["[[listeners]]", ...lines];
      const comment = index === 1 ? [`# ${ABOUT_LISTENERS}`] : [];
      return ["", ...comment, ...(index === 0 ? table : table.map(off))];
    }),
    "",
    `# ${ABOUT_URING}`,
    "#[uring]",
    ...uring,
  ],
};

/** YAML. */
export const yaml: Language = {
  sign: "#",
  margin: 2,
  isCode: false,
  line: (key, value) => `${key}: ${written(value, ": ", JSON.stringify)}`,
  notes: notes("ringway.yaml", ADDRESSES, VARIABLES, [SCHEMA]),
  whole: ({ notes, top, listeners, uring }) => [
    ...notes,
    "",
    ...top,
    "",
    `# ${ABOUT_LISTENERS}`,
    "listeners:",
    ...listeners.flatMap((lines, index) => {
      const item = lines.map((line, place) => `  ${place === 0 ? "-" : " "} ${line}`);
      return index === 0 ? item : item.map(off);
    }),
    "",
    `# ${ABOUT_URING}`,
    "#uring:",
    ...uring.map((line) => line.replace("#", "#  ")),
  ],
};

/** TypeScript. */
export const typescript: Language = {
  sign: "//",
  margin: 4,
  isCode: true,
  line: (key, value) => `${key}: ${written(value, ": ", variableOrText)},`,
  notes: notes("ringway.ts", ADDRESSES, "Environment variables are in Bun.env.", []),
  whole: ({ notes, top, listeners, uring }) => [
    'import { defineConfig } from "ringway";',
    "",
    ...notes,
    "",
    "export default defineConfig({",
    ...top.map((line) => (line === "" ? line : `  ${line}`)),
    "",
    `  // ${ABOUT_LISTENERS}`,
    "  listeners: [",
    ...listeners.flatMap((lines, index) => {
      const item = ["{", ...lines.map((line) => `  ${line}`), "},"];
      return item.map((line) => `    ${index === 0 ? line : `//${line}`}`);
    }),
    "  ],",
    "",
    `  // ${ABOUT_URING}`,
    "  //uring: {",
    ...uring.map((line) => `  ${line.replace("//", "//  ")}`),
    "  //},",
    "});",
  ],
};

function variableOrText(text: string): string {
  const [, name, other] = VARIABLE.exec(text) ?? [];
  return name === undefined ? JSON.stringify(text) : `Bun.env.${name} ?? ${JSON.stringify(other)}`;
}
