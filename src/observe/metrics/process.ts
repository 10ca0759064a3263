import type { Registry } from "prom-client";
import Counter from "prom-client/lib/counter.js";
import memory from "prom-client/lib/metrics/osMemoryHeap.js";
import descriptorLimit from "prom-client/lib/metrics/processMaxFileDescriptors.js";
import descriptors from "prom-client/lib/metrics/processOpenFileDescriptors.js";
import startTime from "prom-client/lib/metrics/processStartTime.js";

/**
 * The process's own figures, under the names that all clients of Prometheus give them. Of the
 * library's defaults these are true in Bun; those of Node's event loop, heap and handles are not, and
 * that of the processor's time would load OpenTelemetry.
 */
export function registerProcess(registry: Registry): void {
  for (const register of [startTime, memory, descriptors, descriptorLimit]) register(registry);
  // The data segment, most of which the runtime has only reserved.
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
}
