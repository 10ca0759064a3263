import { heapSize } from "bun:jsc";
import { parseAddress } from "../../src/base/address.ts";
import { proxyOptions, validate } from "../../src/config/validate.ts";
import { RunningProxy } from "../../src/control/proxy.ts";

// ringway as a library in a process of its own, which can be asked how it is. Its arguments are the
// engine, the port to listen on and the upstream's port.

/** The proxy's own figures. */
export interface Vitals {
  readonly heapBytes: number;
  readonly leased: number;
  readonly relays: number;
}

const [engine = "", port, upstreamPort] = process.argv.slice(2);
const settings = validate({
  engine: { value: engine, label: "engine" },
  listen: { value: [`127.0.0.1:${port}`], label: "listen" },
});
const upstream = parseAddress(`127.0.0.1:${upstreamPort}`, "upstream");
const proxy = await RunningProxy.start(proxyOptions(settings, [upstream]), {
  wantsStarts: false,
  on() {},
});

process.on("message", () => {
  const { memory, relays } = proxy.engine.stats();
  const vitals: Vitals = {
    heapBytes: heapSize(),
    leased: memory.segmentsLeased,
    relays: relays.running,
  };
  process.send?.(vitals);
});
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
