/** What the system's resolver has written down beside the servers that it asks. */
export interface SystemFiles {
  /** The addresses that /etc/hosts has for a name, in its order; none when it has none. */
  hostsOf(name: string): Promise<readonly string[]>;
  /** Which names to ask for when a person has written this one, in this order; at least one. */
  candidates(name: string): Promise<readonly string[]>;
}

/** Domains that a name is completed with at most: each of them is two questions. */
const SEARCH_MAX = 16;
/** As glibc has it. */
const NDOTS_MAX = 15;

/** What a resolv.conf says. */
interface Search {
  /** Null where it says none: then that of this machine counts. */
  readonly domains: readonly string[] | null;
  /** So many dots a name has that is tried as it is first. */
  readonly ndots: number;
}

/**
 * The system's files, each read anew when it has changed. One that is not there, is no regular file, or
 * cannot be read says nothing.
 *
 * @param machine this machine's name; as the system says unless given
 */
export function systemFiles(
  hostsPath = "/etc/hosts",
  resolvPath = "/etc/resolv.conf",
  machine?: string,
): SystemFiles {
  const hosts = new ParsedFile(hostsPath, parseHosts);
  const search = new ParsedFile(resolvPath, parseSearch);
  return {
    hostsOf: async (name) => (await hosts.read()).get(name.toLowerCase()) ?? [],
    async candidates(name) {
      const { domains, ndots } = await search.read();
      return completed(name, domains ?? domainOf(machine ?? (await hostname())), ndots);
    },
  };
}

/** Loaded when it is asked for: most starts do without. */
async function hostname(): Promise<string> {
  const { hostname } = await import("node:os");
  return hostname();
}

function domainOf(machine: string): readonly string[] {
  const dot = machine.indexOf(".");
  return dot === -1 ? [] : [machine.slice(dot + 1).toLowerCase()];
}

/** A file as it was understood, as long as it has not changed. */
class ParsedFile<T> {
  private version = "";
  private parsed: T;

  constructor(
    private readonly path: string,
    private readonly parse: (text: string) => T,
  ) {
    this.parsed = parse("");
  }

  async read(): Promise<T> {
    try {
      const file = Bun.file(this.path);
      const stat = await file.stat();
      // A pipe may never end.
      if (!stat.isFile()) throw new TypeError("no regular file");
      const { mtimeMs, size, ino } = stat;
      const version = `${mtimeMs} ${size} ${ino}`;
      if (version === this.version) return this.parsed;
      this.parsed = this.parse(await file.text());
      this.version = version;
    } catch {
      this.version = "";
      this.parsed = this.parse("");
    }
    return this.parsed;
  }
}

/** `10.0.0.5 db.example.org db  # the database` */
function parseHosts(text: string): Map<string, string[]> {
  const known = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [address, ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (address === undefined) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      known.set(key, [...(known.get(key) ?? []), address]);
    }
  }
  return known;
}

/** Of `search` and `domain` the last one counts, as resolv.conf(5) says. */
function parseSearch(text: string): Search {
  let domains: string[] | null = null;
  let ndots = 1;
  for (const line of text.split("\n")) {
    const [word, ...rest] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/);
    if (word === "search") domains = rest;
    else if (word === "domain") domains = rest.slice(0, 1);
    else if (word === "options") {
      const found = rest.flatMap((option) => /^ndots:(\d{1,3})$/.exec(option)?.[1] ?? []).at(-1);
      if (found !== undefined) ndots = Math.min(NDOTS_MAX, Number(found));
    }
  }
  const plain = domains?.map((domain) => domain.replace(/\.$/, "").toLowerCase());
  const wanted = plain?.filter((domain) => domain !== "").slice(0, SEARCH_MAX);
  return { domains: wanted ?? null, ndots };
}

/** One with a final dot is whole; one with enough dots is tried as it is first. */
function completed(name: string, domains: readonly string[], ndots: number): readonly string[] {
  if (name.endsWith(".")) return [name];
  const others = domains.map((domain) => `${name}.${domain}`);
  const dots = name.split(".").length - 1;
  return dots >= ndots ? [name, ...others] : [...others, name];
}
