import { join } from "node:path";
import { relayLimit } from "../measure/limits.ts";
import { firstLine, type ProxyAdapter } from "./proxy.ts";

// As a careful operator sets it up for plain TCP: no log, splicing where the kernel gains by it. It
// sets TCP_NODELAY itself. `-db` keeps it in the foreground as one process.
function configuration(listenPort: number, upstreamPort: number): string {
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
  bind 127.0.0.1:${listenPort}
  server upstream 127.0.0.1:${upstreamPort}
`;
}

/** HAProxy with one thread. */
export const haproxy: ProxyAdapter = {
  name: "haproxy",
  isOurs: false,
  missing: async () => (path() === null ? "apt install haproxy" : null),
  version: () => firstLine([path() ?? "haproxy", "-v"]),
  executables: () => [path() ?? ""],
  async command(listenPort, upstreamPort, directory) {
    const file = join(directory, "haproxy.cfg");
    await Bun.write(file, configuration(listenPort, upstreamPort));
    return [path() ?? "haproxy", "-db", "-q", "-f", file];
  },
};

function path(): string | null {
  // Debian keeps it out of an ordinary user's PATH.
  return Bun.which("haproxy", { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` });
}
