/** A DNS server. */
export interface DnsServer {
  /** An IP address. */
  readonly host: string;
  readonly port: number;
}

/** Reads `1.2.3.4`, `1.2.3.4:5353`, `::1` and `[::1]:5353`. @returns null when it is none of them */
export function parseServer(text: string): DnsServer | null {
  const [, v6, v6Port, v4, v4Port, bare] =
    /^(?:\[([^\]]+)\](?::(\d{1,5}))?|([\d.]+)(?::(\d{1,5}))?|([\da-f:.]+(?:%\S+)?))$/i.exec(text) ??
    [];
  const host = v6 ?? v4 ?? bare;
  return host === undefined ? null : { host, port: Number(v6Port ?? v4Port ?? 53) };
}
