import packageJson from "../../package.json" with { type: "json" };

/** The version of ringway, such as `0.1.0`. */
export const version: string = packageJson.version;

/**
 * What a person types to run this program: it is one file after `bun build --compile`. Who runs its script
 * by npm may have no bun to type.
 *
 * @param env npm leaves there which script runs, and that it is npm
 */
export function programName(
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const isExecutable = /^(\/\$bunfs|[A-Z]:[\\/]~BUN)[\\/]/.test(import.meta.path);
  if (isExecutable) return "ringway";
  const isByNpm =
    env.npm_lifecycle_event === "proxy" && env.npm_config_user_agent?.startsWith("npm/") === true;
  return isByNpm ? "npm run proxy --" : "bun run proxy";
}
