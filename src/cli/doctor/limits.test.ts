import { expect, test } from "bun:test";
import { type LimitFinding, limits } from "./limits.ts";

/** The limit of this name on a system with these files only. */
function finding(name: string, files: Record<string, string>): LimitFinding | undefined {
  return limits((path) => files[path] ?? null).find((one) => one.name === name);
}

function processLimits(line: string): Record<string, string> {
  return { "/proc/self/limits": `Limit  Soft Limit  Hard Limit  Units\n${line}\n` };
}

test("a system that says nothing has nothing wrong", () => {
  const all = limits(() => null);
  for (const { ok, remedy, value, use } of all) {
    expect({ ok, remedy, value }).toEqual({ ok: true, remedy: "", value: null });
    expect(use).not.toBe("");
  }
  expect(all.map(({ found }) => found)).toContain("unknown");
});

test("descriptors: the hard limit counts, as Bun raises the soft one", () => {
  const few = processLimits("Max open files  1024  1024  files");
  expect(finding("RLIMIT_NOFILE", few)).toMatchObject({
    found: "1,024",
    value: 1024,
    ok: false,
    remedy: "raise it: ulimit -Hn 65536 or LimitNOFILE=",
  });
  const many = processLimits("Max open files  1024  524288  files");
  expect(finding("RLIMIT_NOFILE", many)).toMatchObject({
    found: "1,024 (up to 524,288)",
    ok: true,
  });
});

test("locked memory, and who need not care", () => {
  const low = processLimits("Max locked memory  65536  65536  bytes");
  expect(finding("RLIMIT_MEMLOCK", low)).toMatchObject({ found: "64 KiB", ok: false });
  const status = { "/proc/self/status": "CapEff:\t0000000000004000\n" };
  expect(finding("RLIMIT_MEMLOCK", { ...low, ...status })).toMatchObject({
    found: "64 KiB, exempt (CAP_IPC_LOCK)",
    ok: true,
  });
  const none = processLimits("Max locked memory  unlimited  unlimited  bytes");
  expect(finding("RLIMIT_MEMLOCK", none)).toMatchObject({
    found: "unlimited",
    value: null,
    ok: true,
  });
});

test("settings that are low name the command that raises them", () => {
  const files = {
    "/proc/sys/net/core/somaxconn": "128\n",
    "/proc/sys/net/ipv4/ip_local_port_range": "50000\t60999\n",
    "/proc/sys/net/ipv4/tcp_wmem": "4096\t16384\t1048576\n",
  };
  expect(finding("net.core.somaxconn", files)).toMatchObject({
    ok: false,
    remedy: "sysctl net.core.somaxconn=4096",
  });
  expect(finding("net.ipv4.ip_local_port_range", files)).toMatchObject({
    found: "50000 to 60999 (11,000)",
    value: [50_000, 60_999],
    ok: false,
  });
  expect(finding("net.ipv4.tcp_wmem", files)).toMatchObject({
    found: "up to 1 MiB",
    ok: false,
    remedy: 'sysctl net.ipv4.tcp_wmem="4096 16384 4194304"',
  });
});

test("a control group that is smaller than the pool", () => {
  const files = { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "268435456\n" };
  expect(finding("cgroup memory", files)).toMatchObject({ found: "256 MiB", ok: false });
  const half = { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "50000 100000\n" };
  expect(finding("cgroup cpu", half)?.found).toBe("0.5 processors");
});
