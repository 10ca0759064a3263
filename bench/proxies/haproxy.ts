import { join } from "node:path";
import type { Pair } from "../measure/certificate.ts";
import { relayLimit } from "../measure/limits.ts";
import { firstLine, type ProxyAdapter } from "./proxy.ts";

// As a careful operator sets it up for plain TCP: no log, splicing where the kernel gains by it. It
// sets TCP_NODELAY itself. `-db` keeps it in the foreground as one process.
function configuration(listenPort: number, upstreamPort: number, tls: Pair | null): string {
  return `global
  maxconn ${relayLimit()}
  nbthread 1
defaults
  mode tcp
  option splice-auto
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen bench
  bind 127.0.0.1:${listenPort}${tls === null ? "" : ` ssl crt ${tls.both}`}
  server upstream 127.0.0.1:${upstreamPort}
`;
}

/** HAProxy with one thread. */
export const haproxy: ProxyAdapter = {
  name: "haproxy",
  isOurs: false,
  endsTls: true,
  missing: async () => (path() === null ? "apt install haproxy" : null),
  version: () => firstLine([path() ?? "haproxy", "-v"]),
  executables: () => [path() ?? ""],
  async command(listenPort, upstreamPort, directory, tls) {
    const file = join(directory, "haproxy.cfg");
    await Bun.write(file, configuration(listenPort, upstreamPort, tls));
    return [path() ?? "haproxy", "-db", "-q", "-f", file];
  },
};

function path(): string | null {
  // Debian keeps it out of an ordinary user's PATH.
  return Bun.which("haproxy", { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` });
}
