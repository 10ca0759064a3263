import { readdirSync, statSync } from "node:fs";
import type { Registry } from "prom-client";
import Counter from "prom-client/lib/counter.js";
import Gauge from "prom-client/lib/gauge.js";
import memory from "prom-client/lib/metrics/osMemoryHeap.js";
import descriptorLimit from "prom-client/lib/metrics/processMaxFileDescriptors.js";
import startTime from "prom-client/lib/metrics/processStartTime.js";

/**
 * Registers the process's own metrics, under the names that all Prometheus clients use. Of
 * prom-client's default metrics only these are correct in Bun: those of Node's event loop, heap and
 * handles are not. Its CPU time would load OpenTelemetry, and its count of descriptors would list
 * them all.
 */
export function registerProcess(registry: Registry): void {
  for (const register of [startTime, memory, descriptorLimit]) register(registry);
  // The data segment, most of which the runtime has merely reserved.
  registry.removeSingleMetric("process_heap_bytes");
  const seconds = new Counter({
    name: "process_cpu_seconds_total",
    help: "Total user and system CPU time spent in seconds.",
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      seconds.reset();
      seconds.inc((user + system) / 1e6);
    },
  });
  if (process.platform !== "linux") return;
  const open = new Gauge({
    name: "process_open_fds",
    help: "Number of open file descriptors.",
    registers: [registry],
    collect() {
      const count = openDescriptors();
      if (count !== null) open.set(count);
    },
  });
}

/**
 * Counts open descriptors. Since Linux 6.2 the size of their folder is their number, which takes a
 * hundredth of the time to list thousands.
 *
 * @returns null if it is unknown: there is no such folder, or no descriptor left to list it with
 */
export function openDescriptors(folder = "/proc/self/fd"): number | null {
  try {
    const { size } = statSync(folder);
    // The listing itself has one of those.
    return size > 0 ? size : readdirSync(folder).length - 1;
  } catch {
    return null;
  }
}
