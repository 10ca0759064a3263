import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as abi from "./abi.ts";

/*
 * What abi.ts says, once more as literals, and each beside its C expression. Where there are a
 * compiler and <linux/io_uring.h>, a program made of the expressions must say the same; what a
 * header is too old for is skipped by name.
 */

const { Opcode, SqeFlag, Priority, CqeFlag, SetupFlag, Feature, SqRingFlag, EnterFlag } = abi;
const { Register, BufferRingFlag, SocketCommand, Syscall } = abi;
const { SqeWord, CqeWord, ParamsWord, SqOffset, CqOffset, GeteventsWord } = abi;

/** What abi.ts has, what it must be, the same in C, and a word that a header has which knows it. */
type Row = readonly [ours: number, literal: number, expression: string, word?: string];

const sizes: readonly Row[] = [
  [abi.SQE_SIZE, 64, "sizeof(struct io_uring_sqe)"],
  [abi.CQE_SIZE, 16, "sizeof(struct io_uring_cqe)"],
  [abi.PARAMS_SIZE, 120, "sizeof(struct io_uring_params)"],
  [abi.BUF_SIZE, 16, "sizeof(struct io_uring_buf)", "io_uring_buf"],
  [abi.BUF_REG_SIZE, 40, "sizeof(struct io_uring_buf_reg)", "io_uring_buf_reg"],
  [abi.GETEVENTS_ARG_SIZE, 24, "sizeof(struct io_uring_getevents_arg)"],
  [abi.NAPI_SIZE, 16, "sizeof(struct io_uring_napi)", "io_uring_napi"],
  [abi.PROBE_HEADER_SIZE, 16, "offsetof(struct io_uring_probe, ops)"],
  [abi.PROBE_OP_SIZE, 8, "sizeof(struct io_uring_probe_op)"],
  [abi.RECVMSG_OUT_SIZE, 16, "sizeof(struct io_uring_recvmsg_out)", "io_uring_recvmsg_out"],
  [abi.MSGHDR_SIZE, 56, "sizeof(struct msghdr)"],
  [abi.IOVEC_SIZE, 16, "sizeof(struct iovec)"],
];

/** Offsets of fields: the words of abi.ts in bytes. */
const fields: readonly Row[] = [
  [SqeWord.OpcodeFlagsPriority * 4, 0, "offsetof(struct io_uring_sqe, opcode)"],
  [SqeWord.Fd * 4, 4, "offsetof(struct io_uring_sqe, fd)"],
  [SqeWord.OffsetLow * 4, 8, "offsetof(struct io_uring_sqe, off)"],
  [abi.SQE_COMMAND_WORD * 4, 8, "offsetof(struct io_uring_sqe, cmd_op)", "cmd_op"],
  [SqeWord.AddressLow * 4, 16, "offsetof(struct io_uring_sqe, addr)"],
  [SqeWord.AddressHigh * 4, 20, "offsetof(struct io_uring_sqe, addr) + 4"],
  [abi.SQE_LEVEL_WORD * 4, 16, "offsetof(struct io_uring_sqe, level)", "optname"],
  [abi.SQE_OPTION_WORD * 4, 20, "offsetof(struct io_uring_sqe, optname)", "optname"],
  [SqeWord.Length * 4, 24, "offsetof(struct io_uring_sqe, len)"],
  [SqeWord.OperationFlags * 4, 28, "offsetof(struct io_uring_sqe, msg_flags)"],
  [SqeWord.OperationFlags * 4, 28, "offsetof(struct io_uring_sqe, accept_flags)"],
  [SqeWord.OperationFlags * 4, 28, "offsetof(struct io_uring_sqe, cancel_flags)"],
  [SqeWord.UserDataLow * 4, 32, "offsetof(struct io_uring_sqe, user_data)"],
  [SqeWord.UserDataHigh * 4, 36, "offsetof(struct io_uring_sqe, user_data) + 4"],
  [SqeWord.BufferGroup * 4, 40, "offsetof(struct io_uring_sqe, buf_group)"],
  [SqeWord.FileIndex * 4, 44, "offsetof(struct io_uring_sqe, file_index)"],
  [SqeWord.FileIndex * 4, 44, "offsetof(struct io_uring_sqe, optlen)", "optlen"],
  [SqeWord.Address3Low * 4, 48, "offsetof(struct io_uring_sqe, addr3)", "addr3"],
  [SqeWord.Address3High * 4, 52, "offsetof(struct io_uring_sqe, addr3) + 4", "addr3"],
  [SqeWord.Address3Low * 4, 48, "offsetof(struct io_uring_sqe, optval)", "optval"],
  [CqeWord.UserDataLow * 4, 0, "offsetof(struct io_uring_cqe, user_data)"],
  [CqeWord.UserDataHigh * 4, 4, "offsetof(struct io_uring_cqe, user_data) + 4"],
  [CqeWord.Result * 4, 8, "offsetof(struct io_uring_cqe, res)"],
  [CqeWord.Flags * 4, 12, "offsetof(struct io_uring_cqe, flags)"],
  [ParamsWord.SqEntries * 4, 0, "offsetof(struct io_uring_params, sq_entries)"],
  [ParamsWord.CqEntries * 4, 4, "offsetof(struct io_uring_params, cq_entries)"],
  [ParamsWord.Flags * 4, 8, "offsetof(struct io_uring_params, flags)"],
  [ParamsWord.SqThreadIdle * 4, 16, "offsetof(struct io_uring_params, sq_thread_idle)"],
  [ParamsWord.Features * 4, 20, "offsetof(struct io_uring_params, features)"],
  [ParamsWord.SqOffsets * 4, 40, "offsetof(struct io_uring_params, sq_off)"],
  [ParamsWord.CqOffsets * 4, 80, "offsetof(struct io_uring_params, cq_off)"],
  [SqOffset.Head * 4, 0, "offsetof(struct io_sqring_offsets, head)"],
  [SqOffset.Tail * 4, 4, "offsetof(struct io_sqring_offsets, tail)"],
  [SqOffset.Flags * 4, 16, "offsetof(struct io_sqring_offsets, flags)"],
  [SqOffset.Array * 4, 24, "offsetof(struct io_sqring_offsets, array)"],
  [CqOffset.Head * 4, 0, "offsetof(struct io_cqring_offsets, head)"],
  [CqOffset.Tail * 4, 4, "offsetof(struct io_cqring_offsets, tail)"],
  [CqOffset.Cqes * 4, 20, "offsetof(struct io_cqring_offsets, cqes)"],
  [
    GeteventsWord.MinWaitMicros * 4,
    12,
    "offsetof(struct io_uring_getevents_arg, min_wait_usec)",
    "min_wait_usec",
  ],
  [GeteventsWord.TimespecLow * 4, 16, "offsetof(struct io_uring_getevents_arg, ts)"],
  [GeteventsWord.TimespecHigh * 4, 20, "offsetof(struct io_uring_getevents_arg, ts) + 4"],
];

const operations: readonly Row[] = [
  [Opcode.PollAdd, 6, "IORING_OP_POLL_ADD"],
  [Opcode.SendMessage, 9, "IORING_OP_SENDMSG"],
  [Opcode.ReceiveMessage, 10, "IORING_OP_RECVMSG"],
  [Opcode.Accept, 13, "IORING_OP_ACCEPT"],
  [Opcode.AsyncCancel, 14, "IORING_OP_ASYNC_CANCEL"],
  [Opcode.Connect, 16, "IORING_OP_CONNECT"],
  [Opcode.Close, 19, "IORING_OP_CLOSE"],
  [Opcode.FilesUpdate, 20, "IORING_OP_FILES_UPDATE"],
  [Opcode.Read, 22, "IORING_OP_READ"],
  [Opcode.Send, 26, "IORING_OP_SEND"],
  [Opcode.Receive, 27, "IORING_OP_RECV"],
  [Opcode.Socket, 45, "IORING_OP_SOCKET"],
  [Opcode.Command, 46, "IORING_OP_URING_CMD"],
  [Opcode.SendZeroCopy, 47, "IORING_OP_SEND_ZC"],
  [Opcode.SendMessageZeroCopy, 48, "IORING_OP_SENDMSG_ZC"],
  [Opcode.ReadMultishot, 49, "IORING_OP_READ_MULTISHOT"],
  [Syscall.Setup, 425, "SYS_io_uring_setup"],
  [Syscall.Enter, 426, "SYS_io_uring_enter"],
  [Syscall.Register, 427, "SYS_io_uring_register"],
  [Register.Probe, 8, "IORING_REGISTER_PROBE"],
  [Register.Files2, 13, "IORING_REGISTER_FILES2"],
  [Register.RingFds, 20, "IORING_REGISTER_RING_FDS"],
  [Register.UnregisterRingFds, 21, "IORING_UNREGISTER_RING_FDS"],
  [Register.BufferRing, 22, "IORING_REGISTER_PBUF_RING"],
  [Register.UnregisterBufferRing, 23, "IORING_UNREGISTER_PBUF_RING"],
  [Register.Napi, 27, "IORING_REGISTER_NAPI"],
  [SocketCommand.SetOption, 3, "SOCKET_URING_OP_SETSOCKOPT"],
];

const flags: readonly Row[] = [
  // Bytes and halves of the first word, at their places.
  [SqeFlag.FixedFile, 0x100, "IOSQE_FIXED_FILE << 8"],
  [SqeFlag.BufferSelect, 0x2000, "IOSQE_BUFFER_SELECT << 8"],
  [SqeFlag.SkipSuccess, 0x4000, "IOSQE_CQE_SKIP_SUCCESS << 8"],
  [Priority.AcceptMultishot, 0x10000, "IORING_ACCEPT_MULTISHOT << 16"],
  [Priority.PollFirst, 0x10000, "IORING_RECVSEND_POLL_FIRST << 16"],
  [Priority.ReceiveMultishot, 0x20000, "IORING_RECV_MULTISHOT << 16"],
  [Priority.Bundle, 0x100000, "IORING_RECVSEND_BUNDLE << 16"],
  [CqeFlag.Buffer, 1, "IORING_CQE_F_BUFFER"],
  [CqeFlag.More, 2, "IORING_CQE_F_MORE"],
  [CqeFlag.Notification, 8, "IORING_CQE_F_NOTIF"],
  [CqeFlag.BufferMore, 16, "IORING_CQE_F_BUF_MORE"],
  [abi.CQE_BUFFER_SHIFT, 16, "IORING_CQE_BUFFER_SHIFT"],
  [SetupFlag.SqPoll, 0x2, "IORING_SETUP_SQPOLL"],
  [SetupFlag.CqSize, 0x8, "IORING_SETUP_CQSIZE"],
  [SetupFlag.SubmitAll, 0x80, "IORING_SETUP_SUBMIT_ALL"],
  [SetupFlag.CoopTaskrun, 0x100, "IORING_SETUP_COOP_TASKRUN"],
  [SetupFlag.TaskrunFlag, 0x200, "IORING_SETUP_TASKRUN_FLAG"],
  [SetupFlag.SingleIssuer, 0x1000, "IORING_SETUP_SINGLE_ISSUER"],
  [SetupFlag.DeferTaskrun, 0x2000, "IORING_SETUP_DEFER_TASKRUN"],
  [SetupFlag.NoSqArray, 0x10000, "IORING_SETUP_NO_SQARRAY"],
  // One bit tells of both; the kernel's header has the other name since 6.10.
  [Feature.SendBufferSelect, 0x4000, "IORING_FEAT_RECVSEND_BUNDLE"],
  [Feature.MinTimeout, 0x8000, "IORING_FEAT_MIN_TIMEOUT"],
  [SqRingFlag.NeedWakeup, 1, "IORING_SQ_NEED_WAKEUP"],
  [SqRingFlag.CqOverflow, 2, "IORING_SQ_CQ_OVERFLOW"],
  [SqRingFlag.Taskrun, 4, "IORING_SQ_TASKRUN"],
  [EnterFlag.GetEvents, 1, "IORING_ENTER_GETEVENTS"],
  [EnterFlag.SqWakeup, 2, "IORING_ENTER_SQ_WAKEUP"],
  [EnterFlag.SqWait, 4, "IORING_ENTER_SQ_WAIT"],
  [EnterFlag.ExtArg, 8, "IORING_ENTER_EXT_ARG"],
  [EnterFlag.RegisteredRing, 16, "IORING_ENTER_REGISTERED_RING"],
  [BufferRingFlag.Incremental, 2, "IOU_PBUF_RING_INC"],
  [abi.RSRC_REGISTER_SPARSE, 1, "IORING_RSRC_REGISTER_SPARSE"],
  [abi.POLL_ADD_MULTI, 1, "IORING_POLL_ADD_MULTI"],
  [abi.PROBE_SUPPORTED, 1, "IO_URING_OP_SUPPORTED"],
  [abi.MMAP_RINGS_OFFSET, 0, "IORING_OFF_SQ_RING"],
  [abi.MMAP_SQES_OFFSET, 0x10000000, "IORING_OFF_SQES"],
];

const rows: readonly Row[] = [...sizes, ...fields, ...operations, ...flags];

const enums: Readonly<Record<string, Record<string, string | number>>> = {
  Syscall,
  SqeWord,
  CqeWord,
  Opcode,
  SqeFlag,
  Priority,
  CqeFlag,
  SetupFlag,
  Feature,
  ParamsWord,
  SqOffset,
  CqOffset,
  SqRingFlag,
  EnterFlag,
  GeteventsWord,
  Register,
  BufferRingFlag,

  SocketCommand,
};

/** Members that share a value because they are of different operations. */
const TWINS: readonly string[] = ["Priority.AcceptMultishot", "Priority.PollFirst"];

test.each(rows)("%i is %i: %s", (ours, literal) => {
  expect(ours).toBe(literal);
});

test("no two members of an enum share a value", () => {
  for (const [name, members] of Object.entries(enums)) {
    const values = new Map<number, string>();
    for (const [member, value] of Object.entries(members)) {
      const full = `${name}.${member}`;
      if (typeof value !== "number" || TWINS.includes(full)) continue;
      expect(`${full} = ${values.get(value) ?? full}`).toBe(`${full} = ${full}`);
      values.set(value, full);
    }
  }
});

test("everything that abi.ts has stands in a row", async () => {
  const here = await Bun.file(import.meta.path).text();
  const names = Object.entries(abi).flatMap(([name, value]) => {
    if (typeof value === "number") return [`[abi.${name}`];
    const members = Object.entries(value).filter(([, one]) => typeof one === "number");
    return members.flatMap(([member]) => (member === "None" ? [] : [`[${name}.${member}`]));
  });
  const flat = here.replaceAll(/\[\s+/g, "[");
  expect(names.filter((name) => !new RegExp(`\\${name}\\b`).test(flat))).toEqual([]);
  const listed = Object.entries(abi).filter(([, value]) => typeof value === "object");
  expect(listed.map(([name]) => name).toSorted()).toEqual(Object.keys(enums).toSorted());
});

const INCLUDES = `
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <linux/io_uring.h>
`;

/**
 * The header as the compiler sees it, macros and all; null where there is no compiler or header.
 */
function header(): string | null {
  try {
    const { exitCode, stdout } = Bun.spawnSync(["cc", "-E", "-dD", "-"], {
      stdin: Buffer.from(INCLUDES),
    });
    return exitCode === 0 ? stdout.toString() : null;
  } catch {
    return null;
  }
}

/** A word that a header has which knows what is asked for. */
function wordOf([, , expression, word]: Row): string {
  return word ?? /\b(?:IO|SYS_|SOCKET_)\w+/.exec(expression)?.[0] ?? "io_uring_sqe";
}

/** What a C program says these expressions are. @throws Error when it cannot be made */
function evaluate(expressions: readonly string[]): number[] {
  const folder = mkdtempSync(join(tmpdir(), "ringway-abi-"));
  try {
    const program = join(folder, "abi");
    const lines = expressions.map((one) => `printf("%lld\\n", (long long)(${one}));`);
    const source = `${INCLUDES}\nint main(void) {\n${lines.join("\n")}\nreturn 0;\n}\n`;
    const made = Bun.spawnSync(["cc", "-x", "c", "-o", program, "-"], {
      stdin: Buffer.from(source),
    });
    if (made.exitCode !== 0) throw new Error(made.stderr.toString());
    return Bun.spawnSync([program]).stdout.toString().trim().split("\n").map(Number);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("the header on this machine", () => {
  const text = process.platform === "linux" ? header() : null;
  if (text === null) {
    test.skip("is not there, or no C compiler is", () => {});
    return;
  }
  const words = new Set(text.match(/\w+/g));
  const known = rows.filter((row) => words.has(wordOf(row)));
  const unknown = rows.filter((row) => !words.has(wordOf(row)));

  test(`says the same of ${known.length} sizes, offsets and constants`, () => {
    const values = evaluate(known.map(([, , expression]) => expression));
    const theirs = known.map(([, , expression], index) => [expression, values[index]]);
    expect(theirs).toEqual(known.map(([, literal, expression]) => [expression, literal]));
  });

  for (const [, , expression] of unknown) test.skip(`is too old for ${expression}`, () => {});
});
