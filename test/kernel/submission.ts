import { Opcode, SqeFlag, SqeWord } from "../../src/engine/uring/abi.ts";
import { addressIn } from "./memory.ts";

const OPCODE = 0xff;
const FLAGS = 0xff00;
const PRIORITY = 0xffff0000;
const KNOWN_FLAGS = SqeFlag.FixedFile | SqeFlag.BufferSelect | SqeFlag.SkipSuccess;

/** A submission entry, read. Which fields mean something depends on the operation. */
export interface Submission {
  readonly opcode: Opcode;
  readonly fd: number;
  readonly isFixed: boolean;
  readonly selectsBuffer: boolean;
  readonly skipsSuccess: boolean;
  /** {@link Priority} bits. */
  readonly priority: number;
  readonly offsetLow: number;
  readonly addressLow: number;
  readonly addressHigh: number;
  readonly address: number;
  readonly length: number;
  readonly operationFlags: number;
  readonly low: number;
  readonly high: number;
  readonly group: number;
}

/** Reads the entry that begins at that word. @throws Error for what the fake does not know */
export function readSubmission(sqes: Uint32Array, at: number): Submission {
  const word = (index: SqeWord) => sqes[at + index] as number;
  const first = word(SqeWord.OpcodeFlagsPriority);
  const opcode = first & OPCODE;
  if (Opcode[opcode] === undefined) throw new Error(`submission: unknown operation ${opcode}`);
  const flags = first & FLAGS;
  if ((flags & ~KNOWN_FLAGS) !== 0) throw new Error(`submission: unknown flags ${flags >>> 8}`);
  const addressLow = word(SqeWord.AddressLow);
  const addressHigh = word(SqeWord.AddressHigh);
  return {
    opcode,
    fd: word(SqeWord.Fd) | 0,
    isFixed: (flags & SqeFlag.FixedFile) !== 0,
    selectsBuffer: (flags & SqeFlag.BufferSelect) !== 0,
    skipsSuccess: (flags & SqeFlag.SkipSuccess) !== 0,
    priority: (first & PRIORITY) >>> 0,
    offsetLow: word(SqeWord.OffsetLow),
    addressLow,
    addressHigh,
    address: addressIn(addressLow, addressHigh),
    length: word(SqeWord.Length),
    operationFlags: word(SqeWord.OperationFlags),
    low: word(SqeWord.UserDataLow),
    high: word(SqeWord.UserDataHigh),
    group: word(SqeWord.BufferGroup) & 0xffff,
  };
}
