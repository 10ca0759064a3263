import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { processCpuMicros } from "./cpu-clock.ts";

/** What a process and all its descendants have used so far. */
export interface Usage {
  readonly cpuMicros: number;
  /** In ticks of /proc; good for the share of user and system, too coarse for their sum. */
  readonly userTicks: number;
  readonly systemTicks: number;
  readonly switchesVoluntary: number;
  readonly switchesInvoluntary: number;
}

/** What they used between two moments. */
export interface UsageDelta {
  readonly cpuMicros: number;
  /** 0…1, of the CPU time; null when it was too little to tell. */
  readonly userShare: number | null;
  readonly switchesVoluntary: number;
  readonly switchesInvoluntary: number;
}

/** Resident memory of a process tree, in bytes. Pages that two processes share count twice. */
export interface Memory {
  readonly now: number;
  /** The most since the last {@link resetPeak}: the sum of each process' own peak. */
  readonly peak: number;
}

/** /proc counts time in this unit for everybody, whatever the kernel's own tick is. */
const MICROS_PER_TICK = 10_000;

/** Fewer ticks than this say nothing about how they divide. */
const TICKS_MIN = 20;

/** Adds up the usage of the process tree under `pid`. A process that has gone counts nothing. */
export function usageOfTree(pid: number): Usage {
  const total = {
    cpuMicros: 0,
    userTicks: 0,
    systemTicks: 0,
    switchesVoluntary: 0,
    switchesInvoluntary: 0,
  };
  for (const id of processTree(pid)) {
    const stat = statOf(id);
    if (stat === null) continue;
    total.userTicks += stat.userTicks;
    total.systemTicks += stat.systemTicks;
    const ticks = stat.userTicks + stat.systemTicks;
    total.cpuMicros += processCpuMicros(id) ?? ticks * MICROS_PER_TICK;
    for (const thread of entries(`/proc/${id}/task`)) {
      const status = read(`/proc/${id}/task/${thread}/status`);
      total.switchesVoluntary += numberAfter(status, "voluntary_ctxt_switches:");
      total.switchesInvoluntary += numberAfter(status, "nonvoluntary_ctxt_switches:");
    }
  }
  return total;
}

/** The difference of two usages of the same tree. */
export function usageBetween(before: Usage, after: Usage): UsageDelta {
  const cpuMicros = Math.max(0, after.cpuMicros - before.cpuMicros);
  const user = Math.max(0, after.userTicks - before.userTicks);
  const system = Math.max(0, after.systemTicks - before.systemTicks);
  const ticks = user + system;
  return {
    cpuMicros,
    userShare: ticks < TICKS_MIN ? null : user / ticks,
    switchesVoluntary: Math.max(0, after.switchesVoluntary - before.switchesVoluntary),
    switchesInvoluntary: Math.max(0, after.switchesInvoluntary - before.switchesInvoluntary),
  };
}

/** Resident memory of the process tree under `pid`. */
export function memoryOfTree(pid: number): Memory {
  let [now, peak] = [0, 0];
  for (const id of processTree(pid)) {
    const status = read(`/proc/${id}/status`);
    now += numberAfter(status, "VmRSS:") * 1024;
    peak += numberAfter(status, "VmHWM:") * 1024;
  }
  return { now, peak };
}

/** Resets the peak of resident memory to what is resident now. */
export function resetPeak(pid: number): void {
  for (const id of processTree(pid)) {
    try {
      writeFileSync(`/proc/${id}/clear_refs`, "5");
    } catch {
      // A process of another user: its peak is then the one since its start.
    }
  }
}

/** Descriptors that the process tree has open. */
export function descriptorsOfTree(pid: number): number {
  return processTree(pid).reduce((sum, id) => sum + entries(`/proc/${id}/fd`).length, 0);
}

/** `pid` and its living descendants. */
export function processTree(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of entries("/proc")) {
    const id = Number(name);
    if (!Number.isInteger(id)) continue;
    const stat = statOf(id);
    if (stat !== null) parents.set(id, stat.parent);
  }
  const tree = [pid];
  // Grows while it is walked: each process found is asked for its own children in turn.
  for (const id of tree) {
    for (const [child, parent] of parents) if (parent === id) tree.push(child);
  }
  return tree;
}

function statOf(pid: number) {
  const text = read(`/proc/${pid}/stat`);
  if (text === "") return null;
  // The name may hold anything, also spaces and brackets, so that counting begins behind it.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    parent: Number(fields[1]),
    userTicks: Number(fields[11]),
    systemTicks: Number(fields[12]),
  };
}

function numberAfter(text: string, label: string): number {
  const at = text.startsWith(label) ? 0 : text.indexOf(`\n${label}`);
  return at < 0 ? 0 : Number.parseInt(text.slice(at).trimStart().slice(label.length), 10);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // It ended between being listed and being read.
    return "";
  }
}

function entries(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
