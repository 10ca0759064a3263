/**
 * Layouts and constants of Linux' io_uring, and nothing else. Each member names its C counterpart
 * in <linux/io_uring.h> (read at Linux 6.18), its byte offset where it is a field, and the first
 * kernel that has it. `abi.test.ts` compares them with the headers of the machine it runs on.
 *
 * Words are 32 bits wide, little-endian, as on every machine that Bun runs on.
 */

/** Bytes of a `struct io_uring_sqe`, a submission queue entry. */
export const SQE_SIZE = 64;
/** Bytes of a `struct io_uring_cqe`, a completion queue entry. */
export const CQE_SIZE = 16;
/** Bytes of a `struct io_uring_params`. */
export const PARAMS_SIZE = 120;
/** Bytes of a `struct io_uring_buf`, an entry of a provided-buffer ring. */
export const BUF_SIZE = 16;
/** Bytes of a `struct io_uring_buf_reg`. */
export const BUF_REG_SIZE = 40;
/** Bytes of a `struct io_uring_getevents_arg`. */
export const GETEVENTS_ARG_SIZE = 24;
/** Bytes of a `struct io_uring_napi`. */
export const NAPI_SIZE = 16;
/** Bytes of a `struct io_uring_probe` before its operations, and of each `io_uring_probe_op`. */
export const PROBE_HEADER_SIZE = 16;
export const PROBE_OP_SIZE = 8;
/** Bytes of a `struct io_uring_recvmsg_out`, which precedes what a multishot RECVMSG received. */
export const RECVMSG_OUT_SIZE = 16;
/** Bytes of a `struct msghdr` and of a `struct iovec`, on 64-bit machines. */
export const MSGHDR_SIZE = 56;
export const IOVEC_SIZE = 16;

/** System calls; the numbers are the same on x86-64 and arm64. */
export enum Syscall {
  /** `io_uring_setup(entries, params)`. Since 5.1. */
  Setup = 425,
  /** `io_uring_enter(fd, to_submit, min_complete, flags, arg, argsz)`. Since 5.1. */
  Enter = 426,
  /** `io_uring_register(fd, opcode, arg, nr_args)`. Since 5.1. */
  Register = 427,
}

/** Words of a submission queue entry, by their index in 32-bit words. */
export enum SqeWord {
  /** `opcode` (byte 0), `flags` (byte 1), `ioprio` (bytes 2 and 3). */
  OpcodeFlagsPriority = 0,
  /** `fd`, byte 4: a descriptor, or an index of the file table with {@link SqeFlag.FixedFile}. */
  Fd = 1,
  /** `off` or `addr2`, byte 8. */
  OffsetLow = 2,
  /** `addr`, byte 16. */
  AddressLow = 4,
  AddressHigh = 5,
  /** `len`, byte 24. */
  Length = 6,
  /** `rw_flags`, `msg_flags`, `accept_flags`, `cancel_flags`, …, byte 28. */
  OperationFlags = 7,
  /** `user_data`, byte 32: comes back in the completion. */
  UserDataLow = 8,
  UserDataHigh = 9,
  /** `buf_index` or `buf_group` (bytes 40 and 41), `personality` (bytes 42 and 43). */
  BufferGroup = 10,
  /** `splice_fd_in`, `file_index` or `optlen`, byte 44. */
  FileIndex = 11,
  /** `addr3` or `optval`, byte 48. */
  Address3Low = 12,
  Address3High = 13,
}

/** `cmd_op`, byte 8, where an operation is a command of a socket: the same word as the offset. */
export const SQE_COMMAND_WORD = SqeWord.OffsetLow;
/** `level`, byte 16, and `optname`, byte 20, of such a command: the words of the address. */
export const SQE_LEVEL_WORD = SqeWord.AddressLow;
export const SQE_OPTION_WORD = SqeWord.AddressHigh;

/** Words of a completion queue entry. */
export enum CqeWord {
  /** `user_data`, byte 0. */
  UserDataLow = 0,
  UserDataHigh = 1,
  /** `res`, byte 8: a count, a descriptor, or a negated errno. */
  Result = 2,
  /** `flags`, byte 12. */
  Flags = 3,
}

/** Operations (`enum io_uring_op`). */
export enum Opcode {
  PollAdd = 6, // since 5.1
  SendMessage = 9, // since 5.3
  ReceiveMessage = 10, // since 5.3
  Accept = 13, // since 5.5
  AsyncCancel = 14, // since 5.5
  Connect = 16, // since 5.5
  Close = 19, // since 5.6
  FilesUpdate = 20, // since 5.6
  Read = 22, // since 5.6
  Send = 26, // since 5.6
  Receive = 27, // since 5.6
  Socket = 45, // since 5.19
  /** Commands of a file's own, such as those of sockets. Since 5.19; of sockets since 6.6. */
  Command = 46,
  SendZeroCopy = 47, // since 6.0
  SendMessageZeroCopy = 48, // since 6.1
  ReadMultishot = 49, // since 6.7
}

/** `sqe->flags`, shifted to their place in the first word. */
export enum SqeFlag {
  /** `IOSQE_FIXED_FILE`: `fd` is an index of the file table. Since 5.1. */
  FixedFile = 1 << 8,
  /** `IOSQE_BUFFER_SELECT`: the kernel takes a buffer from a group. Since 5.7. */
  BufferSelect = 1 << 13,
  /** `IOSQE_CQE_SKIP_SUCCESS`: there is a completion only when it fails. Since 5.17. */
  SkipSuccess = 1 << 14,
}

/** `sqe->ioprio` of receives, sends and accepts, shifted to its place in the first word. */
export enum Priority {
  None = 0,
  /** `IORING_ACCEPT_MULTISHOT`: one entry accepts until it is cancelled. Since 5.19. */
  AcceptMultishot = 1 << 16,
  /** `IORING_RECVSEND_POLL_FIRST`: wait before the first try. Since 5.19. */
  PollFirst = 1 << 16,
  /** `IORING_RECV_MULTISHOT`: one entry receives until it ends. Since 6.0. */
  ReceiveMultishot = 1 << 17,
  /** `IORING_RECVSEND_BUNDLE`: one entry uses as many provided buffers as it can. Since 6.10. */
  Bundle = 1 << 20,
}

/** `cqe->flags`. */
export enum CqeFlag {
  /** `IORING_CQE_F_BUFFER`: the upper 16 bits name the buffer that was taken. Since 5.7. */
  Buffer = 1 << 0,
  /** `IORING_CQE_F_MORE`: more completions of this entry follow. Since 5.13. */
  More = 1 << 1,
  /** `IORING_CQE_F_NOTIF`: the kernel is done with a zero-copy send's bytes. Since 6.0. */
  Notification = 1 << 3,
  /**
   * `IORING_CQE_F_BUF_MORE`: the buffer was taken in part, the rest stays in the ring. Since 6.12.
   */
  BufferMore = 1 << 4,
}

/** `IORING_CQE_BUFFER_SHIFT`: where in a completion's flags the buffer's number begins. */
export const CQE_BUFFER_SHIFT = 16;

/** `io_uring_params.flags` (`IORING_SETUP_…`). */
export enum SetupFlag {
  /** A kernel thread takes entries without a system call. Since 5.1. */
  SqPoll = 1 << 1,
  /** `cq_entries` says how many completions fit. Since 5.5. */
  CqSize = 1 << 3,
  /** A bad entry does not stop those behind it. Since 5.18. */
  SubmitAll = 1 << 7,
  /** Completions do not interrupt the thread. Since 5.19. */
  CoopTaskrun = 1 << 8,
  /** {@link SqRingFlag.Taskrun} is shown. Since 5.19. */
  TaskrunFlag = 1 << 9,
  /** Only one thread submits. Since 6.0. */
  SingleIssuer = 1 << 12,
  /** Completions are worked on only when they are waited for. Since 6.1. */
  DeferTaskrun = 1 << 13,
  /** There is no array of indices beside the entries. Since 6.6. */
  NoSqArray = 1 << 16,
}

/** `io_uring_params.features` (`IORING_FEAT_…`). */
export enum Feature {
  /** Sends take buffers from a group. Since 6.10. */
  SendBufferSelect = 1 << 14,
  /** A wait can have a lower bound. Since 6.12. */
  MinTimeout = 1 << 15,
}

/** Words of `struct io_uring_params`. */
export enum ParamsWord {
  SqEntries = 0,
  CqEntries = 1,
  Flags = 2,
  /** `sq_thread_idle`, in milliseconds. */
  SqThreadIdle = 4,
  Features = 5,
  /** `sq_off`, ten words: `struct io_sqring_offsets`. */
  SqOffsets = 10,
  /** `cq_off`, ten words: `struct io_cqring_offsets`. */
  CqOffsets = 20,
}

/** Words of `struct io_sqring_offsets`: where in the mapping each of these stands. */
export enum SqOffset {
  Head = 0,
  Tail = 1,
  Flags = 4,
  Array = 6,
}

/** Words of `struct io_cqring_offsets`. */
export enum CqOffset {
  Head = 0,
  Tail = 1,
  Cqes = 5,
}

/** `IORING_OFF_SQ_RING` and `IORING_OFF_SQES`: what mmap(2) maps at which offset. */
export const MMAP_RINGS_OFFSET = 0;
export const MMAP_SQES_OFFSET = 0x10000000;

/** Flags in the submission ring's `flags` word. */
export enum SqRingFlag {
  /** `IORING_SQ_NEED_WAKEUP`: the kernel thread sleeps. Since 5.1. */
  NeedWakeup = 1 << 0,
  /** `IORING_SQ_CQ_OVERFLOW`: completions wait in the kernel for room. Since 5.8. */
  CqOverflow = 1 << 1,
  /**
   * `IORING_SQ_TASKRUN`: something has happened that the next enter makes completions of. Since
   * 5.19.
   */
  Taskrun = 1 << 2,
}

/** `io_uring_enter` flags (`IORING_ENTER_…`). */
export enum EnterFlag {
  /** Wait for completions, and work on them. Since 5.1. */
  GetEvents = 1 << 0,
  /** Wake the kernel thread of SQPOLL. Since 5.1. */
  SqWakeup = 1 << 1,
  /** Wait until SQPOLL has made room. Since 5.10. */
  SqWait = 1 << 2,
  /** `arg` is a `struct io_uring_getevents_arg`. Since 5.11. */
  ExtArg = 1 << 3,
  /** `fd` is an index of registered rings. Since 5.18. */
  RegisteredRing = 1 << 4,
}

/** Words of `struct io_uring_getevents_arg`. */
export enum GeteventsWord {
  /** `min_wait_usec`: after this many µs one completion is enough. Since 6.12. */
  MinWaitMicros = 3,
  /** `ts`: a `struct __kernel_timespec`. */
  TimespecLow = 4,
  TimespecHigh = 5,
}

/** `io_uring_register` operations (`IORING_REGISTER_…`). */
export enum Register {
  Probe = 8, // since 5.6
  Files2 = 13, // since 5.13
  RingFds = 20, // since 5.18
  UnregisterRingFds = 21, // since 5.18
  BufferRing = 22, // since 5.19
  UnregisterBufferRing = 23, // since 5.19
  Napi = 27, // since 6.9
}

/** `io_uring_buf_reg.flags`. */
export enum BufferRingFlag {
  None = 0,
  /** `IOU_PBUF_RING_INC`: buffers are consumed incrementally. Since 6.12. */
  Incremental = 2,
}

/**
 * `IORING_RSRC_REGISTER_SPARSE` of `struct io_uring_rsrc_register`: a table of empty places. Since
 * 5.19.
 */
export const RSRC_REGISTER_SPARSE = 1;

/** `IORING_POLL_ADD_MULTI` in `sqe->len`: the poll goes on after a completion. Since 5.13. */
export const POLL_ADD_MULTI = 1;

/** Commands of sockets (`SOCKET_URING_OP_…`), of {@link Opcode.Command}. */
export enum SocketCommand {
  SetOption = 3, // since 6.7
}

/** Flags in the `flags` byte of a probed operation. */
export const PROBE_SUPPORTED = 1;
