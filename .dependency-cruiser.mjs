import typescript from "typescript";

// Without this it looks at no file, and finds nothing wrong.
if (typeof typescript.createSourceFile !== "function") {
  throw new Error("dependency-cruiser needs TypeScript's API: run npm install");
}

/*
 * What may import what; `npm run lint` looks after it.
 *
 * Every import counts: `import`, `export … from`, `import()`, and those that are there for types alone, as
 * whoever reads a file has to follow them like any other. One with a computed name is not seen.
 */

/**
 * The rooms of `src`, one floor a line, from the top down. A file may import its own room and those of the
 * floors below; not from above, and not from another room of its floor. A path is a file's or a folder's, and
 * a file is in the room that has the longest path to it.
 */
const floors = [
  { program: ["src/main.ts", "src/index.ts"] },
  { cli: ["src/cli"], library: ["src/library"] },
  { admin: ["src/admin"] },
  { control: ["src/control"] },
  { observe: ["src/observe"] },
  { engine: ["src/engine"] },
  { kinds: ["src/kinds"] },
  { relay: ["src/relay"] },
  { entry: ["src/entry"], end: ["src/engine/end.ts"] },
  { upstream: ["src/upstream"] },
  { config: ["src/config"] },
  {
    access: ["src/entry/access", "src/entry/limits"],
    balance: ["src/upstream/balance"],
    checks: [
      "src/upstream/health/check-options.ts",
      "src/upstream/health/pattern.ts",
      "src/upstream/health/pattern-syntax.ts",
    ],
    dns: ["src/upstream/names/dns-server.ts", "src/upstream/names/dns-ttl.ts"],
    embedded: ["src/embedded"],
    flow: ["src/flow"],
    memory: ["src/memory"],
    route: ["src/entry/route/connection.ts"],
  },
  {
    "proxy-protocol": ["src/entry/proxy-protocol"],
    counts: ["src/counts"],
  },
  { transport: ["src/transport"] },
  { system: ["src/system"] },
  { base: ["src/base", "src/assert.ts"] },
];

/** The only room that may call what is not JavaScript. */
const foreign = ["src/system"];

/** What runs in browsers: the program has it as texts, and nothing else of it. */
const page = "^src/admin/page/";

/** Tests and what only they use; they may look into any room. */
const tests = ["\\.test\\.ts$", "(^|/)test-[^/]+\\.ts$", "^(test|bench|packaging)/"];

const rooms = floors.flatMap((floor, depth) =>
  Object.entries(floor).map(([name, paths]) => ({ name, depth, paths })),
);

/** Patterns of paths, each of a file or of all that is in a folder. */
function patterns(paths) {
  return paths.map((path) => (path.endsWith(".ts") ? `^${path}$` : `^${path}/`));
}

/** What belongs to a room, and what lies within its paths and does not. */
function within({ name, paths }) {
  const others = rooms.filter((room) => room.name !== name).flatMap((room) => room.paths);
  const inner = others.filter((other) => paths.some((path) => other.startsWith(`${path}/`)));
  return { path: patterns(paths), pathNot: patterns(inner) };
}

function arrow(from, to) {
  const { path, pathNot } = within(from);
  return {
    name: `${from.name}-imports-${to.name}`,
    comment: `${to.name} is not below ${from.name}: see the floors in .dependency-cruiser.mjs.`,
    severity: "error",
    from: { path, pathNot: [...pathNot, ...tests] },
    to: within(to),
  };
}

const arrows = rooms.flatMap((from) =>
  rooms
    .filter((to) => to.name !== from.name && to.depth <= from.depth)
    .map((to) => arrow(from, to)),
);

export default {
  forbidden: [
    ...arrows,
    {
      name: "circle",
      comment: "Files that import each other, though for types alone, are read as one.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-room",
      comment: "Every file of src has its room in .dependency-cruiser.mjs.",
      severity: "error",
      from: {
        path: "^src/",
        pathNot: [...patterns(rooms.flatMap(({ paths }) => paths)), ...tests],
      },
      to: {},
    },
    {
      name: "foreign-code",
      comment:
        "Only src/system calls what is not JavaScript: a wrong address there ends the process, or worse.",
      severity: "error",
      from: { path: "^src/", pathNot: patterns(foreign) },
      to: { path: "^bun:ffi$" },
    },
    {
      name: "test-in-program",
      severity: "error",
      from: { path: "^src/", pathNot: tests },
      to: { path: tests, pathNot: "^packaging/ringway\\.schema\\.json$" },
    },
    {
      name: "page-in-program",
      comment: "A bundler takes a file as text or as a module: the page's are texts (`#page/…`).",
      severity: "error",
      from: { path: "^src/", pathNot: [page, "^src/admin/page\\.ts$"] },
      to: { path: page },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    builtInModules: { add: ["bun", "bun:ffi", "bun:jsc", "bun:test"] },
    enhancedResolveOptions: { extensions: [".ts"], conditionNames: ["default", "import"] },
  },
};
