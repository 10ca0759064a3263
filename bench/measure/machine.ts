import { arch, cpus, release, totalmem } from "node:os";
import { firstLine } from "../proxies/proxy.ts";

/** The machine of a run: figures of two machines do not compare. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGibibytes: number;
  readonly system: string;
  readonly bun: string;
  readonly redis: string;
  /** The commit measured, with `+` when files differed from it. */
  readonly commit: string;
}

/** Describes this machine. */
export async function describeMachine(): Promise<Machine> {
  const [system, redis, commit, status] = await Promise.all([
    firstLine(["uname", "-sr"]),
    firstLine(["redis-server", "--version"]),
    firstLine(["git", "rev-parse", "--short", "HEAD"]),
    firstLine(["git", "status", "--porcelain"]),
  ]);
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGibibytes: Math.round(totalmem() / 1024 ** 3),
    system: `${system === "unknown" ? release() : system} ${arch()}`,
    bun: Bun.version,
    redis: redis === "unknown" ? "embedded" : redis,
    commit: status === "" ? commit : `${commit}+`,
  };
}
