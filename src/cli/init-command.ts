import { rm, writeFile } from "node:fs/promises";
import { extname, join, parse, resolve } from "node:path";
import { defineCommand } from "citty";
import { ConfigError, printable } from "../base/error.ts";
import { cittyArgs } from "./citty-args.ts";
import type { Flag } from "./flag.ts";
import { renderGroup } from "./help.ts";
import { exampleFor } from "./init/examples.ts";
import { selfSigned } from "./init/self-signed.ts";
import { print } from "./output.ts";
import { programName } from "./program.ts";
import { readSwitches } from "./read-flags.ts";

const switches: readonly Flag[] = [
  { name: "force", short: "f", text: "overwrite a file that is there already" },
  {
    name: "tls",
    text: "end TLS with a self-signed certificate, which is written beside it: to try it, not for production",
  },
  { name: "help", short: "h", text: "print this help" },
];

const DEFAULT_FILE = "ringway.toml";

/**
 * `ringway init [FILE]`: writes an example configuration. Its `run` returns the exit code, and
 * throws ConfigError if the file cannot be written or already exists.
 */
export const initCommand = defineCommand({
  meta: { name: "init", description: "writes an example of a configuration" },
  args: cittyArgs(switches),
  run: ({ rawArgs }) => init(rawArgs),
});

async function init(rawArgs: readonly string[]): Promise<number> {
  const { switches: given, operand } = readSwitches(rawArgs, switches, 1);
  if (given.has("help")) return await print(help());
  const path = operand ?? DEFAULT_FILE;
  const name = printable(path);
  const certificate = given.has("tls") ? certificateBeside(path) : null;
  await writeAll(
    [
      ...(certificate === null ? [] : await certificateFiles(certificate)),
      { path, text: () => exampleFor(extname(path).toLowerCase(), certificate ?? {}) },
    ],
    given.has("force"),
  );
  const program = programName();
  const told = `wrote ${name}; see it with \`${program} check ${name}\`, run it with -c\n`;
  if (certificate === null) return await print(told);
  const { tlsCert, tlsKey } = certificate;
  return await print(
    `${told}wrote ${printable(tlsCert)} and ${printable(tlsKey)}; clients must trust the first one\n`,
  );
}

/** The settings of a certificate that lies beside a file. */
function certificateBeside(path: string): { readonly tlsCert: string; readonly tlsKey: string } {
  const { dir, name } = parse(resolve(path));
  return { tlsCert: join(dir, `${name}.pem`), tlsKey: join(dir, `${name}.key`) };
}

/** A file to write; what is in it is made before any is written. */
interface NewFile {
  readonly path: string;
  readonly text: () => string;
  /** Nobody else may read it. */
  readonly isPrivate?: boolean;
}

async function certificateFiles({
  tlsCert,
  tlsKey,
}: ReturnType<typeof certificateBeside>): Promise<NewFile[]> {
  const { cert, key } = await selfSigned();
  return [
    { path: tlsKey, text: () => key, isPrivate: true },
    { path: tlsCert, text: () => cert },
  ];
}

/**
 * Writes all files, or takes back those that it has made.
 *
 * @param isForced those that are there already are overwritten
 * @throws ConfigError that says which one could not be written
 */
async function writeAll(files: readonly NewFile[], isForced: boolean): Promise<void> {
  const made: string[] = [];
  for (const { path, text, isPrivate = false } of files) {
    try {
      const content = text();
      // One that was readable does not stay so.
      if (isForced && isPrivate) await rm(path, { force: true });
      const flag = isForced ? "w" : "wx";
      await writeFile(path, content, { flag, mode: isPrivate ? 0o600 : 0o666 });
      if (!isForced) made.push(path);
    } catch (error) {
      await Promise.allSettled(made.map((one) => rm(one)));
      throw new ConfigError(`${printable(path)}: ${whyNot(error)}`);
    }
  }
}

function whyNot(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  const { code = "unknown error" } = error as NodeJS.ErrnoException;
  switch (code) {
    case "EEXIST":
      return "is there already; --force overwrites it";
    case "ENOENT":
    case "ENOTDIR":
      return "cannot be written: there is no such directory";
    case "EISDIR":
      return "cannot be written: it is a directory";
    case "EACCES":
    case "EPERM":
      return "cannot be written: no permission";
    default:
      return `cannot be written: ${code}`;
  }
}

function help(): string {
  return `Usage: ${programName()} init [FILE] [--tls] [--force]

Writes an example configuration with all settings and comments to FILE, or to
${DEFAULT_FILE}. The end of the name chooses the language: .toml, .yaml, .yml,
.ts, or .json, which has no comments and is shorter.

${renderGroup({ heading: "Flags", flags: switches })}

Exit codes: 0 written, 2 it could not be written, or exists already.
`;
}
