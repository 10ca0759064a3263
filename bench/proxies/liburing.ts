import type { ProxyAdapter } from "./proxy.ts";

/** `examples/proxy` of a liburing that was built here: no distribution has it. */
const path = process.env.LIBURING_PROXY;

// Both ways, multishot receives, buffers large enough for what the scenarios send at once. A thread and
// a ring for each client, 1,024 clients in its life, and no TCP_NODELAY: it has no options for those.
const FLAGS = ["-B1", "-m1", "-b", "16384", "-n", "64"];

/** liburing's own proxy, where ringway comes from. */
const liburing: ProxyAdapter = {
  name: "liburing",
  isOurs: false,
  endsTls: false,
  missing: async () => null,
  version: async () => "liburing",
  executables: () => [path ?? ""],
  command: async (listenPort, upstreamPort) => {
    const where = ["-r", String(listenPort), "-H", "127.0.0.1", "-p", String(upstreamPort)];
    return [path ?? "", ...FLAGS, ...where];
  },
};

/** The proxy itself, if LIBURING_PROXY says where it is. */
export const liburings: readonly ProxyAdapter[] = path === undefined ? [] : [liburing];
