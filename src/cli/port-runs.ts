/** A listener as lists show it. */
export interface ShownListener {
  /** Its address as text. */
  readonly listen: string;
  /** Its upstreams' addresses as text. */
  readonly upstreams: readonly string[];
  /** Everything else that is shown: listeners are merged only if it is the same. */
  readonly rest: string;
}

/** Shorter runs are not merged. */
const RUN_MIN = 3;

/**
 * Shows listeners with consecutive ports as one range, if their upstreams are the same
 * or have consecutive ports, too. It does not matter how they were written: if a range
 * has become wider, a plan shows only the new ports.
 *
 * @returns the first listener of each run, with the addresses of the whole run
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

/** The length of the run that begins there. */
function runLength(shown: readonly ShownListener[], from: number): number {
  const first = shown[from] as ShownListener;
  let moving: readonly boolean[] | null = null;
  let length = 1;
  for (;;) {
    const next = shown[from + length];
    if (next === undefined || next.rest !== first.rest) return length;
    if (next.upstreams.length !== first.upstreams.length) return length;
    if (!isFurther(first.listen, next.listen, length)) return length;
    // The second listener shows which upstreams move.
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
