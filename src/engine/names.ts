import type { Address } from "../config/options.ts";

/** The addresses of a host name, each once, in the order of the system; none when it has none. */
export async function lookUp(host: string, port: number): Promise<Address[]> {
  try {
    const found = await Bun.dns.lookup(host, { backend: "getaddrinfo" });
    const hosts = new Set(found.map(({ address }) => address));
    return Array.from(hosts, (one) => ({ kind: "tcp", host: one, port }));
  } catch {
    return [];
  }
}
