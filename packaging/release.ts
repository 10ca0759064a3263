/**
 * `npm run release`: builds the executables of a release and their checksums into `dist/release`.
 *
 * Names of targets build only those; `--out DIR` puts them elsewhere. The folder is complete or not there:
 * everything is built beside it, and takes its place in the end.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import packageJson from "../package.json" with { type: "json" };
import { buildArguments } from "./build-arguments.ts";

const ROOT = resolve(import.meta.dir, "..");

/** What Bun calls them, without its `bun-`. Those without `musl` are for glibc. */
const TARGETS = [
  "linux-x64",
  "linux-arm64",
  "linux-x64-musl",
  "linux-arm64-musl",
  "darwin-x64",
  "darwin-arm64",
  "windows-x64",
];

/** Has a message for the one who typed the command. */
class ReleaseError extends Error {}

let child: Bun.Subprocess | undefined;
let isStopped = false;

/** Builds all of it in a folder that is empty. @throws ReleaseError */
async function build(targets: readonly string[], folder: string): Promise<void> {
  const sums: string[] = [];
  for (const target of targets) {
    const ending = target.startsWith("windows") ? ".exe" : "";
    const name = `ringway-${packageJson.version}-${target}${ending}`;
    const file = join(folder, name);
    await buildOne(target, file);
    const sum = new Bun.CryptoHasher("sha256").update(await Bun.file(file).bytes()).digest("hex");
    sums.push(`${sum}  ${name}\n`);
    process.stdout.write(`${name}\n`);
  }
  await Bun.write(join(folder, "SHA256SUMS"), sums.join(""));
}

/** Bun downloads its own executable for a target that it has not had yet. */
async function buildOne(target: string, file: string): Promise<void> {
  child = Bun.spawn([process.execPath, ...buildArguments(file, `bun-${target}`)], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const said = await new Response(child.stderr as ReadableStream).text();
  const code = await child.exited;
  if (isStopped) throw new ReleaseError("stopped; nothing was released");
  if (code === 0 && (await Bun.file(file).exists())) return;
  const why = said.split(/[\r\n]+/).findLast((line) => line.trim() !== "") ?? `exit code ${code}`;
  throw new ReleaseError(`cannot build for ${target}, so nothing was released: ${why.trim()}`);
}

/** Only an earlier release is replaced. @throws ReleaseError when something else is there */
function refuseOthers(out: string): void {
  const isOurs = (name: string) => name === "SHA256SUMS" || name.startsWith("ringway-");
  if (existsSync(out) && !readdirSync(out).every(isOurs)) {
    throw new ReleaseError(`${out} has something else than a release in it; nothing was released`);
  }
}

/** @returns the folder of the release, which has replaced an earlier one */
async function release(words: readonly string[], out: string): Promise<string> {
  const unknown = words.find((word) => !TARGETS.includes(word));
  if (unknown !== undefined) {
    throw new ReleaseError(`unknown target "${unknown}"; known are ${TARGETS.join(", ")}`);
  }
  refuseOthers(out);
  const unfinished = join(dirname(out), `.release-${process.pid}`);
  mkdirSync(unfinished, { recursive: true });
  try {
    await build(words.length === 0 ? TARGETS : [...new Set(words)], unfinished);
    rmSync(out, { recursive: true, force: true });
    renameSync(unfinished, out);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return out;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    isStopped = true;
    child?.kill();
  });
}

try {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2),
    options: { out: { type: "string", default: join(ROOT, "dist/release") } },
    allowPositionals: true,
  });
  process.stdout.write(`${await release(positionals, resolve(values.out))}\n`);
} catch (error) {
  if (!(error instanceof Error)) throw error;
  process.stderr.write(`release: ${error.message}\n`);
  process.exitCode = 1;
}
