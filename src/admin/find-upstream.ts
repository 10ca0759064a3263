import { ConfigError } from "../base/error.ts";
import type { UpstreamView } from "../control/upstream-view.ts";

/**
 * The upstream that somebody means: by its number, by its address, or by `LISTENER/ADDRESS` where
 * several listeners have that.
 *
 * @param which as it stands in a path, percent-encoded
 * @returns undefined when there is none
 * @throws ConfigError when several are meant
 * @throws URIError when it cannot be decoded
 */
export function findUpstream(
  upstreams: readonly UpstreamView[],
  which: string,
): UpstreamView | undefined {
  if (/^\d+$/.test(which)) return upstreams.find(({ id }) => id === Number(which));
  const name = decodeURIComponent(which);
  const meant = upstreams.filter((one) => name === one.upstream || name === wholeName(one));
  if (meant.length < 2) return meant[0];
  throw new ConfigError(`several upstreams are ${name}: ${meant.map(wholeName).join(", ")}`);
}

function wholeName({ listener, upstream }: UpstreamView): string {
  return `${listener}/${upstream}`;
}
