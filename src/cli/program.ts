import packageJson from "../../package.json" with { type: "json" };

/** The version of ringway, such as `0.1.0`. */
export const version: string = packageJson.version;

/** What a person types to run this program: it is one file after `bun build --compile`. */
export function programName(): string {
  const isExecutable = /^(\/\$bunfs|[A-Z]:[\\/]~BUN)[\\/]/.test(import.meta.path);
  return isExecutable ? "ringway" : "bun run proxy";
}
