const STAR = "*";

/** Whether `text` matches `pattern`, with `*`, `?`, `[a-z]`, `[^a]` and backslash, as Redis matches
 *  keys. A mismatch goes back to the last star only, so the time is at most the product of both
 *  lengths. */
export function globMatches(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let starAt = -1;
  let starText = 0;
  while (t < text.length) {
    const size = pattern[p] === STAR ? 0 : matchOne(pattern, p, text.charCodeAt(t));
    if (pattern[p] === STAR) {
      starAt = p++;
      starText = t;
    } else if (size > 0) {
      p += size;
      t++;
    } else if (starAt >= 0) {
      p = starAt + 1;
      t = ++starText;
    } else {
      return false;
    }
  }
  while (pattern[p] === STAR) p++;
  return p >= pattern.length;
}

/** The length of the pattern's element at `p` if it matches `code`, otherwise 0. */
function matchOne(pattern: string, p: number, code: number): number {
  const element = pattern[p];
  if (element === undefined) return 0;
  if (element === "?") return 1;
  if (element === "[") return matchClass(pattern, p, code);
  const escaped = element === "\\" && p + 1 < pattern.length ? 1 : 0;
  return pattern.charCodeAt(p + escaped) === code ? 1 + escaped : 0;
}

/** The same for `[...]`; a class that never closes reaches to the pattern's end. */
function matchClass(pattern: string, p: number, code: number): number {
  const negated = pattern[p + 1] === "^";
  let i = p + (negated ? 2 : 1);
  let found = false;
  while (i < pattern.length && pattern[i] !== "]") {
    if (pattern[i] === "\\" && i + 1 < pattern.length) i++;
    const low = pattern.charCodeAt(i);
    const isRange = pattern[i + 1] === "-" && i + 2 < pattern.length;
    const high = isRange ? pattern.charCodeAt(i + 2) : low;
    if (code >= Math.min(low, high) && code <= Math.max(low, high)) found = true;
    i += isRange ? 3 : 1;
  }
  return found === negated ? 0 : Math.min(i + 1, pattern.length) - p;
}
