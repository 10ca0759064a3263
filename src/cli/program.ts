import packageJson from "../../package.json" with { type: "json" };

/** The version of ringway, such as `0.1.0`. */
export const version: string = packageJson.version;

/**
 * The command that runs this program. After `bun build --compile` it is one file. A person who runs
 * its script by npm may not have bun.
 *
 * @param env npm's variables name the script that runs
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
