import { join } from "node:path";
import type { ProxyAdapter } from "./proxy.ts";

/** The thirty lines that anybody would write with `Bun.listen`: what ringway's care costs. */
export const naive: ProxyAdapter = {
  name: "naive",
  isOurs: false,
  endsTls: false,
  missing: async () => null,
  version: async () => `Bun ${Bun.version}`,
  executables: () => [process.execPath],
  command: async (listenPort, upstreamPort) => {
    const file = join(import.meta.dir, "../baseline/naive.ts");
    return [process.execPath, file, String(listenPort), String(upstreamPort)];
  },
};
