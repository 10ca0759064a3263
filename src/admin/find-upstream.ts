import { ConfigError } from "../base/error.ts";
import type { UpstreamView } from "../control/upstream-view.ts";

/**
 * Finds an upstream by its number, by its address, or by `LISTENER/ADDRESS` if several listeners
 * have it.
 *
 * @param which a percent-encoded part of a path
 * @returns undefined if there is none
 * @throws ConfigError if several match
 * @throws URIError if it cannot be decoded
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
