import packageJson from "../package.json" with { type: "json" };

/**
 * The arguments for Bun that build an executable. They are those of `npm run build`, the only place that has
 * them, with another output file.
 *
 * @param target what the executable is to run on, such as `bun-linux-arm64-musl`; this machine if left out
 */
export function buildArguments(outfile: string, target?: string): string[] {
  const [bun, ...words] = packageJson.scripts.build.split(" ");
  const place = words.indexOf("--outfile");
  if (bun !== "bun" || place < 0) throw new Error("the build script is `bun … --outfile FILE …`");
  const how = words.with(place + 1, outfile);
  return target === undefined ? how : how.toSpliced(place, 0, `--target=${target}`);
}
