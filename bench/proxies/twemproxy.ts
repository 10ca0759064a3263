import { join } from "node:path";
import { freePort } from "../measure/child.ts";
import { firstLine, type ProxyAdapter } from "./proxy.ts";

/** `nutcracker` of a twemproxy that was built here: Debian has none. */
const path = process.env.TWEMPROXY;

// One connection to the server, which all clients share, and as many clients as connect. No limit of
// time: a late reply is to be seen, and not to become an error.
function configuration(listenPort: number, upstreamPort: number): string {
  return `bench:
  listen: 127.0.0.1:${listenPort}
  redis: true
  hash: fnv1a_64
  distribution: modula
  backlog: 4096
  preconnect: true
  auto_eject_hosts: false
  server_connections: 1
  servers:
   - 127.0.0.1:${upstreamPort}:1
`;
}

/** twemproxy, which sends the commands of all clients over one connection. */
export const twemproxy: ProxyAdapter = {
  name: "twemproxy",
  isOurs: false,
  endsTls: false,
  isMultiplexer: true,
  missing: async () => {
    if (path === undefined) return "TWEMPROXY must say where its nutcracker is";
    return Bun.which(path) === null ? `TWEMPROXY is "${path}", which is no program` : null;
  },
  version: () => firstLine([path ?? "nutcracker", "--version"]),
  executables: () => [path ?? ""],
  async command(listenPort, upstreamPort, directory) {
    const file = join(directory, "nutcracker.yml");
    await Bun.write(file, configuration(listenPort, upstreamPort));
    // It always serves statistics, at a port that nobody else may have: here one that is free.
    const statistics = ["--stats-addr=127.0.0.1", `--stats-port=${await freePort()}`];
    return [path ?? "nutcracker", `--conf-file=${file}`, "--verbose=0", ...statistics];
  },
};
