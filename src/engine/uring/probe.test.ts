import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { uringDefaults } from "../../config/defaults.ts";
import type { UringOptions } from "../../config/options.ts";
import { Errno } from "../../system/linux.ts";
import { choose, EngineUnsupportedError } from "../select.ts";
import { Feature, Opcode, SetupFlag } from "./abi.ts";
import type { Attempt } from "./attempt.ts";
import { fit } from "./fit.ts";
import { judge, probe } from "./probe.ts";
import { obstacle, type UringFeatures, type UringReport } from "./report.ts";

/** A kernel that has everything. */
const ALL: Attempt = {
  setup: 0,
  flags:
    SetupFlag.SingleIssuer |
    SetupFlag.DeferTaskrun |
    SetupFlag.CoopTaskrun |
    SetupFlag.NoSqArray |
    SetupFlag.SubmitAll,
  features: Feature.SendBufferSelect | Feature.MinTimeout,
  operations: new Set(Array.from({ length: 60 }, (_, operation) => operation)),
  bufferRing: 0,
  incremental: 0,
  napi: 0,
};

const files: Record<string, string> = {
  "/proc/meminfo": "MemTotal: 1 kB\nHugePages_Total: 9\nHugePages_Free:       8\n",
};

function report(change: Partial<Attempt>, more: Record<string, string> = {}): UringReport {
  const all = { ...files, ...more };
  return judge({ ...ALL, ...change }, 1024, "6.18.2-amd64", (path) => all[path] ?? null);
}

function refused(errno: Errno, more: Record<string, string> = {}) {
  return obstacle(report({ setup: -errno }, more));
}

function without(...operations: Opcode[]): Partial<Attempt> {
  const left = [...(ALL.operations ?? [])].filter((one) => !operations.includes(one));
  return { operations: new Set(left) };
}

describe("the report", () => {
  test("of a kernel that has everything", () => {
    const { checks, features } = report({});
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(checks.filter(({ remedy }) => remedy !== "")).toEqual([]);
    expect(features).toEqual({
      deferTaskrun: true,
      coopTaskrun: true,
      sendBufferSelect: true,
      bundles: true,
      incremental: true,
      zeroCopy: true,
      napi: true,
      minTimeout: true,
      freeHugePages: 8,
    });
  });

  test("of the oldest kernel that will do", () => {
    const old = report({
      flags: SetupFlag.SubmitAll | SetupFlag.NoSqArray,
      features: 0,
      operations: new Set(Array.from({ length: 50 }, (_, operation) => operation)),
      incremental: -Errno.EINVAL,
      napi: -Errno.EINVAL,
    });
    expect(obstacle(old)).toBeNull();
    const extras = old.checks.filter(({ needed }) => !needed);
    expect(extras.filter(({ ok }) => ok).map(({ name }) => name)).toEqual([
      "zero-copy sends",
      "huge pages",
    ]);
    for (const { ok, remedy } of extras) expect(remedy === "").toBe(ok);
  });

  test("of operations that are missing", () => {
    expect(obstacle(report(without(Opcode.Socket, Opcode.Command)))).toMatchObject({
      name: "operations",
      found: "no Socket, Command",
      remedy: "use Linux 5.19 or later, or --engine sockets",
    });
    expect(obstacle(report({ operations: null }))?.found).toStartWith("no Accept, Connect, ");
    expect(obstacle(report(without(Opcode.ReadMultishot)))?.name).toBe("socket options");
    expect(obstacle(report(without(Opcode.SendZeroCopy)))?.name).toBe("multishot receives");
    expect(obstacle(report({ flags: 0 }))?.name).toBe("submissions in order");
    expect(obstacle(report({ bufferRing: -Errno.EINVAL }))?.name).toBe("buffer rings");
  });
});

describe("a refusal", () => {
  const filtered = { "/proc/self/status": "CapEff:\t0000000000000000\nSeccomp:\t2\n" };
  const disabled = (value: number) => ({ "/proc/sys/kernel/io_uring_disabled": `${value}\n` });

  test("by the administrator", () => {
    expect(refused(Errno.EPERM, disabled(2))).toMatchObject({
      found: "kernel.io_uring_disabled is 2: no one may use io_uring",
      remedy: "set it to 0: sysctl kernel.io_uring_disabled=0",
    });
    const one = refused(Errno.EPERM, { ...disabled(1), ...filtered });
    expect(one?.found).toBe("kernel.io_uring_disabled is 1: only one group may use io_uring");
  });

  test("by a filter, which is not blamed on a setting that allows it", () => {
    const profile = "packaging/seccomp-io_uring.json";
    for (const errno of [Errno.EPERM, Errno.EACCES]) {
      const check = refused(errno, { ...disabled(0), ...filtered });
      expect(check?.found).toBe("a seccomp filter forbids io_uring, as most containers do");
      expect(check?.remedy).toContain(profile);
    }
    const administrator = { "/proc/self/status": "CapEff:\t0000000000200000\nSeccomp:\t2\n" };
    const check = refused(Errno.EPERM, { ...disabled(1), ...administrator });
    expect(check?.found).toStartWith("a seccomp filter");
    expect(refused(Errno.ENOSYS, filtered)?.remedy).toContain(profile);
  });

  test("by an old kernel, a security module, the locked memory", () => {
    expect(refused(Errno.ENOSYS)?.found).toBe("this kernel has no io_uring");
    expect(refused(Errno.EPERM)).toMatchObject({
      found: "io_uring_setup failed: EPERM",
      remedy: "check the rules of the security module (SELinux, AppArmor)",
    });
    const limits = "Limit  Soft Limit  Hard Limit  Units\nMax locked memory  65536  65536  bytes\n";
    const expected = {
      found: "too little memory may be locked (RLIMIT_MEMLOCK 64 KiB)",
      remedy: "allow 200 KiB more per proxy: ulimit -l, LimitMEMLOCK= or CAP_IPC_LOCK",
    };
    expect(refused(Errno.ENOMEM, { "/proc/self/limits": limits })).toMatchObject(expected);
    const late = report({ bufferRing: -Errno.ENOMEM }, { "/proc/self/limits": limits });
    expect(obstacle(late)).toMatchObject(expected);
    expect(refused(Errno.EMFILE)?.found).toBe("out of file descriptors");
    expect(refused(Errno.EINVAL)?.found).toBe("io_uring_setup failed: EINVAL");
  });
});

describe("the choice", () => {
  test("io_uring where all that is needed is there", () => {
    expect(choose("auto", report({ incremental: -Errno.EINVAL }))).toEqual({
      name: "uring",
      why: "supported by Linux 6.18",
      fellBack: false,
    });
    expect(choose("uring", report({})).why).toBe("as asked for");
  });

  test("sockets where it is not, and a refusal where it was asked for", () => {
    const bad = report({ setup: -Errno.ENOSYS });
    const why = "this kernel has no io_uring";
    expect(choose("auto", bad)).toEqual({ name: "sockets", why, fellBack: true });
    expect(choose("auto", { ...bad, release: "" }).fellBack).toBe(false);
    expect(() => choose("uring", bad)).toThrow(
      new EngineUnsupportedError(`engine uring: ${why}; use Linux 6.7 or later`),
    );
  });
});

describe("options that fit", () => {
  const { features } = report({});

  function fitted(options: Partial<UringOptions>, lacks: Partial<UringFeatures>) {
    const given = { ...uringDefaults, ...options };
    const result = fit(given, { ...report({}), features: { ...features, ...lacks } });
    const changed = Object.entries(result.options).filter(
      ([key, value]) => given[key as keyof UringOptions] !== value,
    );
    return { changed: Object.fromEntries(changed), notes: result.notes };
  }

  test("stay as they are on a kernel that has everything", () => {
    const wishes = { incremental: true, hugePages: true, napi: "busy", send: "bundle" } as const;
    expect(fitted(wishes, {})).toEqual({ changed: {}, notes: [] });
  });

  test("are not named when nobody wants what is missing", () => {
    const none = { incremental: false, napi: false, zeroCopy: false, freeHugePages: 0 };
    expect(fitted({}, none).notes).toEqual([]);
  });

  const cases: [Partial<UringOptions>, Partial<UringFeatures>, Partial<UringOptions>, string][] = [
    [
      { taskrun: "defer" },
      { deferTaskrun: false },
      { taskrun: "coop" },
      "this kernel has no deferred completions (since 6.1): they are worked on cooperatively",
    ],
    [
      { receiveBundles: true },
      { bundles: false },
      { receiveBundles: false },
      "this kernel has no receive bundles (since 6.10): a receive fills one buffer",
    ],
    [
      { incremental: true },
      { incremental: false },
      { incremental: false },
      "this kernel has no incremental buffers (since 6.12): whole buffers are used",
    ],
    [
      { waitCount: 8 },
      { minTimeout: false },
      { waitCount: 1 },
      "this kernel has no minimum waits (since 6.12): one completion ends a wait",
    ],
    [
      { napi: "prefer" },
      { napi: false },
      { napi: "off" },
      "this kernel has no polling of network devices (since 6.9, if built in): " +
        "interrupts tell what came",
    ],
    [
      { send: "ring" },
      { sendBufferSelect: false },
      { send: "plain" },
      "this kernel has no sends from buffer rings (since 6.10): they are plain ones",
    ],
    [
      { send: "zerocopy-message" },
      { zeroCopy: false },
      { send: "message" },
      "this kernel has no zero-copy sends (since 6.1): they are message ones",
    ],
    [
      { hugePages: true },
      { freeHugePages: 0 },
      {},
      "no huge pages are reserved (vm.nr_hugepages): transparent ones are used",
    ],
  ];
  test.each(cases)("%j without %j", (options, lacks, changed, note) => {
    expect(fitted(options, lacks)).toEqual({ changed, notes: [note] });
  });
});

describe.skipIf(process.platform !== "linux")("a real attempt", () => {
  test("leaves no descriptor and no mapping behind", () => {
    probe();
    const before = [descriptors(), ringMappings()];
    for (let i = 0; i < 20; i++) probe();
    expect([descriptors(), ringMappings()]).toEqual(before);
  });

  test("has an opinion on everything", () => {
    const { release, checks } = probe(64);
    expect(release).toMatch(/^\d+\.\d+/);
    for (const { ok, needed, found, remedy, use } of checks) {
      expect(found).not.toBe("");
      expect(use).not.toBe("");
      if (needed) expect(remedy === "").toBe(ok);
    }
  });
});

function descriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

function ringMappings(): number {
  return readFileSync("/proc/self/maps", "utf8").split("io_uring").length;
}
