import { formatCount, formatSize } from "../../base/quantity.ts";
import { defaults, listenerDefaults } from "../../config/defaults.ts";
import {
  Capability,
  groupLimits,
  hasCapability,
  type Limit,
  processLimit,
  type ReadText,
  sysctl,
  sysctlNumber,
} from "../../system/system.ts";

/** One limit of the system that a busy proxy may meet. */
export interface LimitFinding {
  /** The system's name for it. */
  readonly name: string;
  /** Its value for people; `unknown` if the system hides it. */
  readonly found: string;
  /** The value itself: one or several numbers, bytes for a size; null for none or unknown. */
  readonly value: number | readonly number[] | null;
  /** Whether it is enough for a busy proxy. */
  readonly ok: boolean;
  /** What it bounds. */
  readonly use: string;
  /** What to do if it is not enough, as a clause; empty if it is. */
  readonly remedy: string;
}

/** Descriptors of a thousand relays (two each), and some more. */
const FILES_FEW = 4_096;
/** The default of `backlog`. */
const BACKLOG = listenerDefaults.backlog;
/** Fewer ports than this limit the connections to one upstream too early. */
const PORTS_FEW = 16_384;
const MIB = 1024 * 1024;
/** Locked memory for the rings of several workers. */
const LOCKED_FEW = MIB;
/** A socket buffer for a fast link with a delay of some milliseconds. */
const BUFFER_FEW = 4 * MIB;

/** The limits that matter to a proxy, in the order in which it usually meets them. Linux only. */
export function limits(read: ReadText): LimitFinding[] {
  const group = groupLimits(read);
  return [
    files(read),
    locked(read),
    backlog(read),
    ports(read),
    buffer(read, "net.ipv4.tcp_rmem", "receive"),
    buffer(read, "net.ipv4.tcp_wmem", "send"),
    {
      ...plain("vm.nr_hugepages", sysctlNumber(read, "vm.nr_hugepages")),
      use: "reserved huge pages, for --uring-huge-pages",
    },
    {
      ...plain("kernel.io_uring_disabled", sysctlNumber(read, "kernel.io_uring_disabled")),
      use: "who may use io_uring: 0 everybody, 1 one group, 2 nobody",
    },
    memory(group.memoryBytes),
    {
      ...plain("cgroup cpu", group.cpus),
      found: cpusText(group.cpus),
      use: "CPU time of the control group",
    },
  ];
}

function cpusText(cpus: number | null): string {
  if (cpus === null) return "no limit";
  return cpus === 1 ? "1 processor" : `${cpus} processors`;
}

function plain(name: string, value: number | null) {
  const found = value === null ? "unknown" : formatCount(value);
  return { name, found, value, ok: true, remedy: "" };
}

function files(read: ReadText): LimitFinding {
  const limit = processLimit(read, "Max open files");
  // At its start, Bun raises the soft limit to the hard one.
  const most = finite(limit?.hard);
  const ok = most === null || most >= FILES_FEW;
  const remedy = ok ? "" : `raise it: ulimit -Hn ${FILES_FEW * 16} or LimitNOFILE=`;
  const found = limitText(limit, (value) => formatCount(value));
  const use = "file descriptors: two for each relay";
  return { name: "RLIMIT_NOFILE", found, value: most, ok, use, remedy };
}

function locked(read: ReadText): LimitFinding {
  const limit = processLimit(read, "Max locked memory");
  const isFree = hasCapability(read, Capability.ipcLock);
  const soft = finite(limit?.soft);
  const ok = isFree || soft === null || soft >= LOCKED_FEW;
  const found = isFree
    ? `${limitText(limit, formatSize)}, exempt (CAP_IPC_LOCK)`
    : limitText(limit, formatSize);
  const remedy = ok ? "" : "raise it: ulimit -l or LimitMEMLOCK=";
  const use = "io_uring's queues, of all of a user's processes";
  return { name: "RLIMIT_MEMLOCK", found, value: soft, ok, use, remedy };
}

function backlog(read: ReadText): LimitFinding {
  const base = plain("net.core.somaxconn", sysctlNumber(read, "net.core.somaxconn"));
  const ok = base.value === null || base.value >= BACKLOG;
  const remedy = ok ? "" : `sysctl net.core.somaxconn=${BACKLOG}`;
  return { ...base, ok, remedy, use: "connections waiting to be accepted" };
}

function ports(read: ReadText): LimitFinding {
  const name = "net.ipv4.ip_local_port_range";
  const range = sysctl(read, name)?.map(Number) ?? null;
  const [first = 0, last = 0] = range ?? [];
  const count = last - first + 1;
  const ok = range === null || count >= PORTS_FEW;
  const found = range === null ? "unknown" : `${first} to ${last} (${formatCount(count)})`;
  const remedy = ok ? "" : `sysctl ${name}="10240 65535"`;
  return { name, found, value: range, ok, use: "connections to one upstream", remedy };
}

function buffer(read: ReadText, name: string, kind: string): LimitFinding {
  const values = sysctl(read, name)?.map(Number) ?? null;
  const most = values?.[2] ?? null;
  const ok = most === null || most >= BUFFER_FEW;
  const found = most === null ? "unknown" : `up to ${formatSize(most)}`;
  const [least = 4096, usual = 131_072] = values ?? [];
  const remedy = ok ? "" : `sysctl ${name}="${least} ${usual} ${BUFFER_FEW}"`;
  const use = `the ${kind} buffer of a socket`;
  return { name, found, value: values, ok, use, remedy };
}

function memory(bytes: number | null): LimitFinding {
  const pool = defaults.segmentSize * defaults.segmentCount;
  const ok = bytes === null || bytes >= 2 * pool;
  return {
    name: "cgroup memory",
    found: bytes === null ? "no limit" : formatSize(bytes),
    value: bytes,
    ok,
    use: `memory of the control group; the pool takes up to ${formatSize(pool)}`,
    remedy: ok ? "" : "lower --segment-count, or raise the limit of the control group",
  };
}

/** The number itself, null for none or unknown. */
function finite(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value;
}

function limitText(limit: Limit | null, format: (value: number) => string): string {
  if (limit === null) return "unknown";
  const [soft, hard] = [limit.soft, limit.hard].map((value) =>
    Number.isFinite(value) ? format(value) : "unlimited",
  );
  return soft === hard ? `${soft}` : `${soft} (up to ${hard})`;
}
