import { domainToASCII } from "node:url";

/** As DNS and RFC 1035 have it: without the final dot. */
const NAME_LENGTH_MAX = 253;
const LABEL_LENGTH_MAX = 63;
/** An underscore is no host name's, but services and containers are called so. */
const LABEL = /^(?!-)[a-z0-9_-]+(?<!-)$/;

/**
 * How many labels the `*` of `*.example.org` stands for. Routes take "any": `a.example.org` and `a.b.example.org`.
 * Certificates cover "one": `a.example.org` alone (RFC 6125). Neither covers `example.org` itself.
 */
export type WildcardLabels = "one" | "any";

/**
 * Finds what belongs to a host name: an exact name before a wildcard, a longer wildcard before a shorter one, all of
 * them before the default. Upper case and a final dot make no difference. Of the same pattern twice the first counts.
 * It never changes; a look-up takes one step per label of the name.
 */
export class HostNameTable<T> {
  readonly #exact = new Map<string, T>();
  /** By what follows `*.`. */
  readonly #wildcards = new Map<string, T>();
  readonly #fallback: T | null;
  readonly #labels: WildcardLabels;

  /**
   * @param entries patterns as {@link hostPattern} returns them
   * @param fallback for a name that no pattern covers, and for no name; null if there is none
   */
  constructor(
    entries: Iterable<readonly [pattern: string, value: T]>,
    fallback: T | null = null,
    labels: WildcardLabels = "any",
  ) {
    this.#fallback = fallback;
    this.#labels = labels;
    for (const [pattern, value] of entries) {
      const isWildcard = pattern.startsWith("*.");
      const [map, key] = isWildcard ? [this.#wildcards, pattern.slice(2)] : [this.#exact, pattern];
      if (!map.has(key)) map.set(key, value);
    }
  }

  /**
   * What belongs to this name.
   *
   * @param name as a client sent it; null if it sent none
   */
  find(name: string | null): T | null {
    return (name === null ? null : this.findNamed(name)) ?? this.#fallback;
  }

  /**
   * As {@link find}, without the default.
   *
   * @param fits whether a value will do: if not, a less specific pattern is looked for
   */
  findNamed(name: string, fits: (value: T) => boolean = anything): T | null {
    const plain = plainHostName(name);
    const exact = this.#exact.get(plain);
    return exact !== undefined && fits(exact) ? exact : this.#covering(plain, fits);
  }

  #covering(name: string, fits: (value: T) => boolean): T | null {
    if (this.#wildcards.size === 0) return null;
    for (let dot = name.indexOf("."); dot > 0; dot = name.indexOf(".", dot + 1)) {
      const found = this.#wildcards.get(name.slice(dot + 1));
      if (found !== undefined && fits(found)) return found;
      if (this.#labels === "one") break;
    }
    return null;
  }
}

const anything = () => true;

/** A name as tables and logs have it: in lower case, without the final dot. */
export function plainHostName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith(".") ? lower.slice(0, -1) : lower;
}

/**
 * A pattern in the form that {@link HostNameTable} compares: `Bücher.Example.` is `xn--bcher-kva.example`.
 *
 * @param text a host name, or a wildcard such as `*.example.org`
 * @returns null if it is neither
 */
export function hostPattern(text: string): string | null {
  const isWildcard = text.startsWith("*.");
  const name = hostName(isWildcard ? text.slice(2) : text);
  if (name === null) return null;
  return isWildcard ? `*.${name}` : name;
}

/** Whether a pattern, or else a name, is covered by this wildcard: `*.example.org` covers `*.a.example.org`, too. */
export function isCoveredBy(pattern: string, wildcard: string): boolean {
  if (!wildcard.startsWith("*.") || pattern === wildcard) return false;
  return pattern.endsWith(wildcard.slice(1));
}

/** A host name in A-labels, plain; null if it is none. */
function hostName(text: string): string | null {
  const plain = plainHostName(isAscii(text) ? text : domainToASCII(text));
  if (plain === "" || plain.length > NAME_LENGTH_MAX) return null;
  const isName = plain
    .split(".")
    .every((label) => label.length <= LABEL_LENGTH_MAX && LABEL.test(label));
  return isName ? plain : null;
}

function isAscii(text: string): boolean {
  return /^[\x21-\x7e]*$/.test(text);
}
