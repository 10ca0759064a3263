import { expect, test } from "bun:test";
import { resolve } from "node:path";

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly { readonly value: number; readonly valueTwo: number }[];
}

interface Profile {
  readonly defaultAction: string;
  readonly architectures: readonly string[];
  readonly syscalls: readonly Rule[];
}

const path = resolve(import.meta.dir, "../packaging/seccomp-io_uring.json");
const profile = (await Bun.file(path).json()) as Profile;
const IO_URING = ["io_uring_setup", "io_uring_enter", "io_uring_register"];

/** The actions of the rules that name a call. */
function actionsOf(name: string): string[] {
  return profile.syscalls.filter(({ names }) => names.includes(name)).map(({ action }) => action);
}

test("the seccomp profile allows io_uring and nothing forbids it again", () => {
  for (const name of IO_URING) expect(actionsOf(name)).toEqual(["SCMP_ACT_ALLOW"]);
});

test("it forbids what reaches out of a container", () => {
  expect(profile.defaultAction).toBe("SCMP_ACT_ALLOW");
  for (const name of ["mount", "unshare", "setns", "ptrace", "bpf", "init_module", "kexec_load"]) {
    expect(actionsOf(name)).toEqual(["SCMP_ACT_ERRNO"]);
  }
  const clone = profile.syscalls.filter(({ names }) => names.includes("clone"));
  const flags = clone.map(({ args = [] }) => args[0]?.value ?? 0);
  expect(flags.reduce((all, flag) => all | flag, 0)).toBe(0x7e020000);
});

test("programs that find no clone3 take clone", () => {
  const [rule] = profile.syscalls.filter(({ names }) => names.includes("clone3"));
  expect(rule).toMatchObject({ action: "SCMP_ACT_ERRNO", errnoRet: 38 });
});

test("it is in the form of the OCI's runtime specification, with each name once", () => {
  expect(Object.keys(profile)).toEqual(["defaultAction", "architectures", "syscalls"]);
  expect(profile.architectures).toContain("SCMP_ARCH_AARCH64");
  const names = profile.syscalls.flatMap(({ names, args }) => (args === undefined ? names : []));
  expect(new Set(names).size).toBe(names.length);
});
