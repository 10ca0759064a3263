import { formatSize } from "../../base/quantity.ts";
import { uringDefaults } from "../../config/defaults.ts";
import { Errno, errnoName } from "../../system/linux.ts";
import {
  Capability,
  freeHugePages,
  hasCapability,
  isFiltered,
  kernelRelease,
  processLimit,
  type ReadText,
  readText,
  sysctlNumber,
} from "../../system/system.ts";
import { Feature, Opcode, SetupFlag } from "./abi.ts";
import { type Attempt, attempt, lockedBytes } from "./attempt.ts";
import type { Check, UringFeatures, UringReport } from "./report.ts";

/** Operations that relays need. */
const NEEDED: readonly Opcode[] = [
  Opcode.Accept,
  Opcode.Connect,
  Opcode.Receive,
  Opcode.Send,
  Opcode.SendMessage,
  Opcode.AsyncCancel,
  Opcode.PollAdd,
  Opcode.Close,
  Opcode.Socket,
  Opcode.Command,
  Opcode.Read,
];

const NO_FEATURES: UringFeatures = {
  deferTaskrun: false,
  coopTaskrun: false,
  sendBufferSelect: false,
  bundles: false,
  incremental: false,
  zeroCopy: false,
  napi: false,
  minTimeout: false,
  freeHugePages: 0,
};

/**
 * Finds out whether the uring engine can run here by trying: makes a ring, queries it and removes
 * it. Takes a millisecond or two, and leaves no descriptor and no memory behind.
 *
 * @param entries submission entries that a worker's ring would have
 */
export function probe(entries: number = uringDefaults.entries): UringReport {
  const release = process.platform === "linux" ? kernelRelease(readText) : null;
  if (release === null) return noLinux();
  let tried: Attempt;
  try {
    tried = attempt(entries);
  } catch (error) {
    return failed(release, error instanceof Error ? error.message : String(error), "use glibc");
  }
  return judge(tried, entries, release, readText);
}

/**
 * Judges an attempt together with the system's files.
 *
 * @param entries submission entries that were tried
 */
export function judge(
  tried: Attempt,
  entries: number,
  release: string,
  read: ReadText,
): UringReport {
  // The ring of buffers is locked memory, too, and comes last.
  const failure = tried.bufferRing === -Errno.ENOMEM ? -Errno.ENOMEM : tried.setup;
  if (failure < 0) {
    const { found, remedy } = refusal(-failure, entries, read);
    return failed(release, found, remedy);
  }
  const features = featuresOf(tried, freeHugePages(read));
  return { release, checks: [ring(""), ...needs(tried), ...extras(features)], features };
}

function noLinux(): UringReport {
  return failed("", "io_uring exists only on Linux", "use --engine sockets");
}

function failed(release: string, found: string, remedy: string): UringReport {
  return { release, checks: [{ ...ring(remedy), ok: false, found }], features: NO_FEATURES };
}

function ring(remedy: string): Check {
  const use = "the whole engine";
  return { name: "io_uring", use, ok: true, needed: true, found: "allowed", remedy };
}

/** Why there is no ring, and what to do about it. */
function refusal(
  errno: number,
  entries: number,
  read: ReadText,
): { readonly found: string; readonly remedy: string } {
  const profile =
    "give the container a seccomp profile that allows io_uring, such as " +
    "packaging/seccomp-io_uring.json";
  switch (errno) {
    case Errno.EPERM:
    case Errno.EACCES:
      return forbidden(errno, profile, read);
    case Errno.ENOSYS:
      // Some container runtimes answer ENOSYS for what they forbid.
      if (isFiltered(read)) {
        return {
          found: "io_uring is hidden by a seccomp filter, or not built in",
          remedy: profile,
        };
      }
      return { found: "this kernel has no io_uring", remedy: "use Linux 6.7 or later" };
    case Errno.ENOMEM: {
      const { soft = 0 } = processLimit(read, "Max locked memory") ?? {};
      const need = formatSize(lockedBytes(entries));
      return {
        found: `too little memory may be locked (RLIMIT_MEMLOCK ${formatSize(soft)})`,
        remedy: `allow ${need} more per proxy: ulimit -l, LimitMEMLOCK= or CAP_IPC_LOCK`,
      };
    }
    case Errno.EMFILE:
    case Errno.ENFILE:
      return { found: "out of file descriptors", remedy: "raise the limit (ulimit -n)" };
    default:
      return {
        found: `io_uring_setup failed: ${errnoName(errno)}`,
        remedy: "use --engine sockets",
      };
  }
}

function forbidden(
  errno: number,
  profile: string,
  read: ReadText,
): { readonly found: string; readonly remedy: string } {
  const disabled = sysctlNumber(read, "kernel.io_uring_disabled") ?? 0;
  const remedy = "set it to 0: sysctl kernel.io_uring_disabled=0";
  if (disabled >= 2) {
    return { found: `kernel.io_uring_disabled is ${disabled}: no one may use io_uring`, remedy };
  }
  if (disabled === 1 && !hasCapability(read, Capability.sysAdmin)) {
    return {
      found: "kernel.io_uring_disabled is 1: only one group may use io_uring",
      remedy: "put this user into the group of kernel.io_uring_group, or set it to 0",
    };
  }
  if (isFiltered(read)) {
    return { found: "a seccomp filter forbids io_uring, as most containers do", remedy: profile };
  }
  const found = `io_uring_setup failed: ${errnoName(errno)}`;
  return { found, remedy: "check the rules of the security module (SELinux, AppArmor)" };
}

function needs({ operations, bufferRing, flags }: Attempt): Check[] {
  const isPlain = (flags & SetupFlag.NoSqArray) !== 0;
  const knows = (operation: Opcode) => operations?.has(operation) ?? false;
  const missing = NEEDED.filter((operation) => !knows(operation)).map((one) => Opcode[one]);
  const need = (
    name: string,
    use: string,
    since: string,
    ok: boolean,
    found = ok ? "available" : `no ${name}`,
  ): Check => {
    const remedy = ok ? "" : `use Linux ${since} or later, or --engine sockets`;
    return { name, use, ok, needed: true, found, remedy };
  };
  return [
    need(
      "operations",
      "accept, dial, receive, send",
      "5.19",
      missing.length === 0,
      missing.length === 0 ? `all ${NEEDED.length} available` : `no ${missing.join(", ")}`,
    ),
    need("buffer rings", "receives into shared memory", "5.19", bufferRing === 0),
    // Neither has a probe of its own, so an operation of the same kernel stands for each.
    need("multishot receives", "one start, many receives", "6.0", knows(Opcode.SendZeroCopy)),
    need("submissions in order", "entries without an array of indices", "6.6", isPlain),
    need("socket options", "TCP_NODELAY for dials", "6.7", knows(Opcode.ReadMultishot)),
  ];
}

function featuresOf(tried: Attempt, hugePages: number): UringFeatures {
  const hasFlag = (flag: number) => (tried.flags & flag) === flag;
  const hasFeature = (feature: Feature) => (tried.features & feature) !== 0;
  return {
    deferTaskrun: hasFlag(SetupFlag.SingleIssuer | SetupFlag.DeferTaskrun),
    coopTaskrun: hasFlag(SetupFlag.CoopTaskrun),
    sendBufferSelect: hasFeature(Feature.SendBufferSelect),
    // They came with the same kernel, which reports both by one bit.
    bundles: hasFeature(Feature.SendBufferSelect),
    incremental: tried.incremental === 0,
    zeroCopy: tried.operations?.has(Opcode.SendMessageZeroCopy) ?? false,
    napi: tried.napi === 0,
    minTimeout: hasFeature(Feature.MinTimeout),
    freeHugePages: hugePages,
  };
}

function extras(features: UringFeatures): Check[] {
  const extra = (name: string, use: string, ok: boolean, remedy: string): Check => {
    const found = ok ? "available" : "not available";
    return { name, use, ok, needed: false, found, remedy: ok ? "" : remedy };
  };
  const { freeHugePages: pages } = features;
  return [
    extra(
      "deferred completions",
      "--uring-taskrun defer",
      features.deferTaskrun,
      "Linux 6.1; until then they are cooperative",
    ),
    extra(
      "sends from buffer rings",
      "--uring-send ring, bundle",
      features.sendBufferSelect,
      "Linux 6.10; until then bytes are sent from where they are",
    ),
    extra(
      "bundles",
      "--uring-receive-bundles on",
      features.bundles,
      "Linux 6.10; until then a receive fills one buffer",
    ),
    extra(
      "incremental buffers",
      "--uring-incremental on",
      features.incremental,
      "Linux 6.12; until then whole buffers are used",
    ),
    extra(
      "zero-copy sends",
      "--uring-send zerocopy, zerocopy-message",
      features.zeroCopy,
      "Linux 6.1; until then sends copy",
    ),
    extra(
      "minimum waits",
      "--uring-wait-count",
      features.minTimeout,
      "Linux 6.12; until then one completion ends a wait",
    ),
    extra(
      "busy polling",
      "--uring-napi busy, prefer",
      features.napi,
      "Linux 6.9 built with CONFIG_NET_RX_BUSY_POLL; until then the device interrupts",
    ),
    {
      ...extra(
        "huge pages",
        "--uring-huge-pages on",
        pages > 0,
        "reserve some: sysctl vm.nr_hugepages=64; until then transparent huge pages are used",
      ),
      found: pages > 0 ? `${pages} free` : "none reserved",
    },
  ];
}
