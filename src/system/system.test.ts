import { expect, test } from "bun:test";
import {
  Capability,
  freeHugePages,
  groupLimits,
  hasCapability,
  isFiltered,
  kernelRelease,
  processLimit,
  sysctl,
  sysctlNumber,
} from "./system.ts";

/** A system that has these files only. */
function of(files: Record<string, string>) {
  return (path: string) => files[path] ?? null;
}

test("settings", () => {
  const read = of({
    "/proc/sys/kernel/osrelease": "6.1.0-9-amd64\n",
    "/proc/sys/net/ipv4/tcp_rmem": "4096\t131072\t6291456\n",
    "/proc/sys/net/core/somaxconn": "4096\n",
    "/proc/sys/kernel/empty": "\n",
  });
  expect(kernelRelease(read)).toBe("6.1.0-9-amd64");
  expect(sysctl(read, "net.ipv4.tcp_rmem")).toEqual(["4096", "131072", "6291456"]);
  expect(sysctlNumber(read, "net.core.somaxconn")).toBe(4096);
  expect(sysctl(read, "kernel.empty")).toBeNull();
  expect(sysctlNumber(read, "kernel.io_uring_disabled")).toBeNull();
});

test("limits of a process", () => {
  const read = of({
    "/proc/self/limits":
      "Limit                     Soft Limit           Hard Limit           Units     \n" +
      "Max open files            1024                 524288               files     \n" +
      "Max locked memory         unlimited            unlimited            bytes     \n",
  });
  expect(processLimit(read, "Max open files")).toEqual({ soft: 1024, hard: 524_288 });
  expect(processLimit(read, "Max locked memory")).toEqual({ soft: Infinity, hard: Infinity });
  expect(processLimit(read, "Max file locks")).toBeNull();
  expect(processLimit(of({}), "Max open files")).toBeNull();
});

test("rights and filters", () => {
  const status = (mask: string, mode: number) =>
    of({ "/proc/self/status": `Name:\tbun\nCapEff:\t${mask}\nSeccomp:\t${mode}\n` });
  expect(hasCapability(status("000001ffffffffff", 0), Capability.ipcLock)).toBe(true);
  expect(hasCapability(status("0000000000200000", 0), Capability.sysAdmin)).toBe(true);
  expect(hasCapability(status("0000000000200000", 0), Capability.ipcLock)).toBe(false);
  expect(hasCapability(of({}), Capability.ipcLock)).toBe(false);
  expect(isFiltered(status("0", 2))).toBe(true);
  expect(isFiltered(status("0", 0))).toBe(false);
});

test("huge pages", () => {
  expect(freeHugePages(of({ "/proc/meminfo": "HugePages_Free:      12\n" }))).toBe(12);
  expect(freeHugePages(of({}))).toBe(0);
});

test("control groups of version 2, by the path from outside and from inside", () => {
  const group = { "/proc/self/cgroup": "0::/system.slice/ringway.service\n" };
  const here = "/sys/fs/cgroup/system.slice/ringway.service";
  const outside = of({
    ...group,
    [`${here}/memory.max`]: "536870912\n",
    [`${here}/cpu.max`]: "150000 100000\n",
  });
  expect(groupLimits(outside)).toEqual({ memoryBytes: 536_870_912, cpus: 1.5 });
  const inside = of({
    ...group,
    "/sys/fs/cgroup/memory.max": "max\n",
    "/sys/fs/cgroup/cpu.max": "max 100000\n",
  });
  expect(groupLimits(inside)).toEqual({ memoryBytes: null, cpus: null });
});

test("control groups of version 1", () => {
  const read = of({
    "/proc/self/cgroup": "4:memory:/a\n1:cpu,cpuacct:/b\n0::/\n",
    "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1048576\n",
    "/sys/fs/cgroup/cpu/b/cpu.cfs_quota_us": "50000\n",
    "/sys/fs/cgroup/cpu/b/cpu.cfs_period_us": "100000\n",
  });
  expect(groupLimits(read)).toEqual({ memoryBytes: 1_048_576, cpus: 0.5 });
  const free = of({
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
  });
  expect(groupLimits(free)).toEqual({ memoryBytes: null, cpus: null });
  expect(groupLimits(of({}))).toEqual({ memoryBytes: null, cpus: null });
});
