import type { ProxyAdapter } from "./proxy.ts";

/** No proxy: what the machine and the upstream can do. Its CPU and memory are the upstream's. */
export const direct: ProxyAdapter = {
  name: "direct",
  isOurs: false,
  endsTls: false,
  missing: async () => null,
  version: async () => "no proxy: CPU and memory are the upstream's",
  executables: () => [],
  command: () => Promise.reject(new Error("direct is not started")),
};
