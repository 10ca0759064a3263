import { readFileSync } from "node:fs";

/**
 * What Linux says about itself and this process under /proc and /sys. If it says nothing, as on
 * other systems or in a container that hides it, the result is null.
 */

/** Reads a whole file; null if it does not exist or may not be read. */
export type ReadText = (path: string) => string | null;

/** {@link ReadText} for real files. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

/** The kernel's release, such as `6.12.3-amd64`; see uname(2). */
export function kernelRelease(read: ReadText): string | null {
  return read("/proc/sys/kernel/osrelease")?.trim() ?? null;
}

/** A setting of sysctl(8) by its dotted name, as words, such as `["4096", "131072", "6291456"]`. */
export function sysctl(read: ReadText, name: string): readonly string[] | null {
  const words = read(`/proc/sys/${name.replaceAll(".", "/")}`)
    ?.split(/\s+/)
    .filter(Boolean);
  return words === undefined || words.length === 0 ? null : words;
}

/** A setting of sysctl(8) that is a number. */
export function sysctlNumber(read: ReadText, name: string): number | null {
  const [word] = sysctl(read, name) ?? [];
  return word === undefined || !/^\d+$/.test(word) ? null : Number(word);
}

/** A soft and a hard limit; Infinity for none. */
export interface Limit {
  readonly soft: number;
  readonly hard: number;
}

/** A limit of this process by its name in proc_pid_limits(5), such as `Max locked memory`. */
export function processLimit(read: ReadText, name: string): Limit | null {
  const text = read("/proc/self/limits");
  const line = text?.split("\n").find((one) => one.startsWith(`${name} `));
  const [soft, hard] = line?.slice(name.length).trim().split(/\s+/) ?? [];
  if (soft === undefined || hard === undefined) return null;
  return { soft: amount(soft), hard: amount(hard) };
}

function amount(word: string): number {
  return word === "unlimited" ? Infinity : Number(word);
}

/** Bits of the capabilities(7) that ringway looks for. */
export const Capability = { ipcLock: 14, sysAdmin: 21 } as const;

/** Whether this process has a capability in its effective set. */
export function hasCapability(read: ReadText, bit: number): boolean {
  const [, mask] = /^CapEff:\s*([\da-f]+)/m.exec(read("/proc/self/status") ?? "") ?? [];
  return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(bit)) & 1n) === 1n;
}

/** Whether a seccomp(2) filter judges system calls of this process, as in most containers. */
export function isFiltered(read: ReadText): boolean {
  return /^Seccomp:\s*2$/m.test(read("/proc/self/status") ?? "");
}

/** Huge pages that are reserved and free now. */
export function freeHugePages(read: ReadText): number {
  const [, count = "0"] = /^HugePages_Free:\s*(\d+)/m.exec(read("/proc/meminfo") ?? "") ?? [];
  return Number(count);
}

/** The limits of a control group; null for no limit. */
export interface GroupLimits {
  readonly memoryBytes: number | null;
  /** Processors, such as 1.5. */
  readonly cpus: number | null;
}

/** The limits of this process's control group, for both versions of cgroups(7). */
export function groupLimits(read: ReadText): GroupLimits {
  const lines = (read("/proc/self/cgroup") ?? "").split("\n").map((line) => line.split(":"));
  const pathOf = (controller: string) =>
    lines.find(([, names = ""]) => names.split(",").includes(controller))?.[2] ?? "/";
  /** A container sees its own group as the root, but its path may be reported from outside. */
  const first = (root: string, path: string, file: string) =>
    read(`${root}${path === "/" ? "" : path}/${file}`) ?? read(`${root}/${file}`);
  const unified = pathOf("");
  const memory =
    first("/sys/fs/cgroup", unified, "memory.max") ??
    first("/sys/fs/cgroup/memory", pathOf("memory"), "memory.limit_in_bytes");
  return { memoryBytes: memoryLimit(memory), cpus: cpuLimit(first, unified, pathOf("cpu")) };
}

/** Version 1 writes a very large number for no limit. */
const MEMORY_UNLIMITED = 2 ** 60;

function memoryLimit(text: string | null): number | null {
  const bytes = Number(text ?? Number.NaN);
  return bytes > 0 && bytes < MEMORY_UNLIMITED ? bytes : null;
}

function cpuLimit(
  first: (root: string, path: string, file: string) => string | null,
  unified: string,
  path: string,
): number | null {
  const both = first("/sys/fs/cgroup", unified, "cpu.max")?.trim().split(" ");
  const [quota, period] = both ?? [
    first("/sys/fs/cgroup/cpu", path, "cpu.cfs_quota_us"),
    first("/sys/fs/cgroup/cpu", path, "cpu.cfs_period_us"),
  ];
  const cpus = Number(quota ?? Number.NaN) / Number(period ?? Number.NaN);
  return cpus > 0 ? cpus : null;
}
