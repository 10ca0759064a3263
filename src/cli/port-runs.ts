/** A listener as it is shown. */
export interface ShownListener {
  /** Its address in words. */
  readonly listen: string;
  /** Its upstreams' addresses in words. */
  readonly upstreams: readonly string[];
  /** Whatever else is shown of it: only those are shown as one that have it all in common. */
  readonly rest: string;
}

/** Fewer ports than this are shown each for itself. */
const RUN_MIN = 3;

/**
 * Shows listeners whose ports follow each other as one, as a range is written: their upstreams are the same
 * ones, or follow each other, too. It goes by what they are, not by how they were written: of a range that
 * has become wider a plan has only what is new.
 *
 * @returns the first of each run with the addresses of all of it
 */
export function portRuns<T>(
  listeners: readonly T[],
  show: (listener: T) => ShownListener,
): readonly (ShownListener & { readonly first: T })[] {
  const shown = listeners.map((first) => ({ first, ...show(first) }));
  const runs: (typeof shown)[number][] = [];
  for (let at = 0; at < shown.length; ) {
    const one = shown[at] as (typeof shown)[number];
    const length = runLength(shown, at);
    const count = length < RUN_MIN ? 1 : length;
    const last = shown[at + count - 1] as typeof one;
    const upstreams = one.upstreams.map((name, index) => ranged(name, last.upstreams[index] ?? ""));
    runs.push({ ...one, listen: ranged(one.listen, last.listen), upstreams });
    at += count;
  }
  return runs;
}

/** How many from there on are like each other, each a port further. */
function runLength(shown: readonly ShownListener[], from: number): number {
  const first = shown[from] as ShownListener;
  let moving: readonly boolean[] | null = null;
  let length = 1;
  for (;;) {
    const next = shown[from + length];
    if (next === undefined || next.rest !== first.rest) return length;
    if (next.upstreams.length !== first.upstreams.length) return length;
    if (!isFurther(first.listen, next.listen, length)) return length;
    // Whether each of the upstreams moves is seen at the second of them.
    const before = moving;
    const moves = first.upstreams.map((name, index) => name !== next.upstreams[index]);
    if (before !== null && moves.some((one, index) => one !== before[index])) return length;
    const isLike = first.upstreams.every(
      (name, index) => !moves[index] || isFurther(name, next.upstreams[index] ?? "", length),
    );
    if (!isLike) return length;
    moving = moves;
    length++;
  }
}

function isFurther(first: string, other: string, ports: number): boolean {
  const [one, two] = [partsOf(first), partsOf(other)];
  return one !== null && two !== null && one.host === two.host && two.port === one.port + ports;
}

function ranged(first: string, last: string): string {
  return first === last ? first : `${first}-${partsOf(last)?.port ?? last}`;
}

function partsOf(address: string): { host: string; port: number } | null {
  const [, host, port] = /^(?!unix:)(.*):(\d+)$/.exec(address) ?? [];
  return host === undefined ? null : { host, port: Number(port) };
}
