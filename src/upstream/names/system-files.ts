/** What the system's resolver reads from files, apart from the servers to ask. */
export interface SystemFiles {
  /** The addresses of a name in /etc/hosts, in its order; may be empty. */
  hostsOf(name: string): Promise<readonly string[]>;
  /** The names to ask for in place of this one, in order; at least one. */
  candidates(name: string): Promise<readonly string[]>;
}

/** Most search domains: each one costs two questions. */
const SEARCH_MAX = 16;
/** The same as glibc's. */
const NDOTS_MAX = 15;

/** The contents of a resolv.conf. */
interface Search {
  /** Null if there are none: then the machine's own domain is used. */
  readonly domains: readonly string[] | null;
  /** A name with at least this many dots is tried as it is first. */
  readonly ndots: number;
}

/**
 * Reads the system's files, again whenever they have changed. A file that is missing, unreadable or
 * not a regular file counts as empty.
 *
 * @param machine this machine's host name; by default the system's
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

/** Loaded here, because most starts do without it. */
async function hostname(): Promise<string> {
  const { hostname } = await import("node:os");
  return hostname();
}

function domainOf(machine: string): readonly string[] {
  const dot = machine.indexOf(".");
  return dot === -1 ? [] : [machine.slice(dot + 1).toLowerCase()];
}

/** A parsed file, kept until the file changes. */
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
      // Reading a pipe may never end.
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

/** The last `search` or `domain` counts, as resolv.conf(5) says. */
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

/** A name with a final dot is complete; one with enough dots is tried as it is first. */
function completed(name: string, domains: readonly string[], ndots: number): readonly string[] {
  if (name.endsWith(".")) return [name];
  const others = domains.map((domain) => `${name}.${domain}`);
  const dots = name.split(".").length - 1;
  return dots >= ndots ? [name, ...others] : [...others, name];
}
