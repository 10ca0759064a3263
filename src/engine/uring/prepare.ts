import {
  Opcode,
  POLL_ADD_MULTI,
  Priority,
  SocketCommand,
  SQE_COMMAND_WORD,
  SQE_LEVEL_WORD,
  SQE_OPTION_WORD,
  SqeFlag,
  SqeWord,
} from "./abi.ts";
import type { Kernel } from "./kernel.ts";

/** MSG_NOSIGNAL: a send to a closed connection fails without SIGPIPE. */
const MSG_NOSIGNAL = 0x4000;
/** MSG_DONTWAIT: a send takes what fits, or fails with EAGAIN. */
const MSG_DONTWAIT = 0x40;
/** MSG_TRUNC: bytes received from TCP are discarded, not copied. */
const MSG_TRUNC = 0x20;
/** MSG_WAITALL: one send sends everything, however often it has to wait. */
const MSG_WAITALL = 0x100;
const TWO_32 = 2 ** 32;

/**
 * Fills submission entries: one method per operation, after the man pages of liburing
 * (io_uring_prep_recv(3) and so on). Each takes an entry, sets what its operation needs and leaves
 * the rest zero. `low` and `high` are the ticket ({@link Operation}) that the completion returns.
 */
export class Prepare {
  /** Sockets below this number are in the file table, at the place of their own number. */
  fixedBelow = 0;

  constructor(private readonly kernel: Kernel) {}

  /** Accepts once, or until it is cancelled. Each completion is a descriptor. */
  accept(fd: number, flags: number, isMultishot: boolean, low: number): void {
    const priority = isMultishot ? Priority.AcceptMultishot : Priority.None;
    const at = this.entry(Opcode.Accept | priority, fd, low, 0);
    this.kernel.sqes[at + SqeWord.OperationFlags] = flags;
  }

  /** Opens a socket; the completion is its descriptor. */
  socket(family: number, type: number, low: number, high: number): void {
    const at = this.entry(Opcode.Socket, family, low, high);
    this.kernel.sqes[at + SqeWord.OffsetLow] = type;
  }

  /** Connects to an address of `size` bytes, which is read before enter(2) returns. */
  connect(fd: number, address: number, size: number, low: number, high: number): void {
    const { sqes } = this.kernel;
    const at = this.onSocket(Opcode.Connect, fd, low, high);
    this.setAddress(at, address);
    sqes[at + SqeWord.OffsetLow] = size;
  }

  /** Sets one option of a socket; it completes only if that fails. */
  setOption(
    fd: number,
    { level, option }: { readonly level: number; readonly option: number },
    value: number,
    size: number,
    low: number,
    high: number,
  ): void {
    const { sqes } = this.kernel;
    const at = this.onSocket(Opcode.Command | SqeFlag.SkipSuccess, fd, low, high);
    sqes[at + SQE_COMMAND_WORD] = SocketCommand.SetOption;
    sqes[at + SQE_LEVEL_WORD] = level;
    sqes[at + SQE_OPTION_WORD] = option;
    sqes[at + SqeWord.FileIndex] = size;
    sqes[at + SqeWord.Address3Low] = value >>> 0;
    sqes[at + SqeWord.Address3High] = Math.floor(value / TWO_32);
  }

  /**
   * Receives into a buffer of a group.
   *
   * @param most bytes to receive; 0: as many as the buffer holds, which a multishot receive needs
   * @param priority {@link Priority} bits: multishot, bundle, poll first
   */
  receive(
    fd: number,
    group: number,
    most: number,
    priority: number,
    low: number,
    high: number,
  ): void {
    const first = Opcode.Receive | SqeFlag.BufferSelect | priority;
    const at = this.onSocket(first, fd, low, high);
    this.kernel.sqes[at + SqeWord.Length] = most;
    this.kernel.sqes[at + SqeWord.BufferGroup] = group;
  }

  /** The same with a `struct msghdr`, which must live as long as the operation. */
  receiveMessage(
    fd: number,
    header: number,
    group: number,
    priority: number,
    low: number,
    high: number,
  ): void {
    const first = Opcode.ReceiveMessage | SqeFlag.BufferSelect | priority;
    const at = this.onSocket(first, fd, low, high);
    this.setAddress(at, header);
    this.kernel.sqes[at + SqeWord.Length] = 1;
    this.kernel.sqes[at + SqeWord.BufferGroup] = group;
  }

  /**
   * Receives and discards `size` bytes; completes once that many have come, or at the end. The
   * kernel may write them to the address, where they are not read (for TCP it does not).
   */
  discard(fd: number, address: number, size: number, low: number, high: number): void {
    const at = this.onSocket(Opcode.Receive, fd, low, high);
    this.setAddress(at, address);
    this.kernel.sqes[at + SqeWord.Length] = size;
    this.kernel.sqes[at + SqeWord.OperationFlags] = MSG_TRUNC | MSG_WAITALL;
  }

  /**
   * Sends `size` bytes from an address; they must not change until it completes.
   *
   * @param isPrompt it is over at its submission: silently if all bytes were taken, otherwise with
   *   a completion that says how many, or why not. (A short send with MSG_WAITALL counts as failed,
   *   and failures are not skipped: io_send() in io_uring/net.c.)
   */
  send(
    fd: number,
    address: number,
    size: number,
    isPrompt: boolean,
    low: number,
    high: number,
  ): void {
    const at = this.sendEntry(Opcode.Send, fd, isPrompt, low, high);
    this.setAddress(at, address);
    this.kernel.sqes[at + SqeWord.Length] = size;
  }

  /** Sends from a group's ring: one buffer, or as many as there are (`Priority.Bundle`). */
  sendFromGroup(fd: number, group: number, priority: number, low: number, high: number): void {
    const at = this.entry(Opcode.Send | SqeFlag.BufferSelect | priority, fd, low, high);
    this.kernel.sqes[at + SqeWord.BufferGroup] = group;
    this.kernel.sqes[at + SqeWord.OperationFlags] = MSG_NOSIGNAL | MSG_WAITALL;
  }

  /** Sends without copying; a second completion says that the kernel is done with the bytes. */
  sendZeroCopy(fd: number, address: number, size: number, low: number, high: number): void {
    const at = this.onSocket(Opcode.SendZeroCopy, fd, low, high);
    this.setAddress(at, address);
    this.kernel.sqes[at + SqeWord.Length] = size;
    this.kernel.sqes[at + SqeWord.OperationFlags] = MSG_NOSIGNAL;
  }

  /** Sends several pieces at once, which a `struct msghdr` lists; see {@link send}. */
  sendMessage(fd: number, header: number, isPrompt: boolean, low: number, high: number): void {
    const at = this.sendEntry(Opcode.SendMessage, fd, isPrompt, low, high);
    this.setAddress(at, header);
    this.kernel.sqes[at + SqeWord.Length] = 1;
  }

  /** The same without copying. */
  sendMessageZeroCopy(fd: number, header: number, low: number, high: number): void {
    const at = this.sendEntry(Opcode.SendMessageZeroCopy, fd, false, low, high);
    this.setAddress(at, header);
    this.kernel.sqes[at + SqeWord.Length] = 1;
  }

  /**
   * Completes whenever the socket has an error or is shut down in both directions, which is what
   * events 0 ask for. It is edge-triggered, so that an end (FIN) is not reported again and again.
   */
  watch(fd: number, low: number, high: number): void {
    const at = this.onSocket(Opcode.PollAdd, fd, low, high);
    this.kernel.sqes[at + SqeWord.Length] = POLL_ADD_MULTI;
  }

  /** Cancels the operation with this ticket; there is no completion for the cancellation. */
  cancel(targetLow: number, targetHigh: number): void {
    const { sqes } = this.kernel;
    const at = this.entry(Opcode.AsyncCancel | SqeFlag.SkipSuccess, -1, 0, 0);
    sqes[at + SqeWord.AddressLow] = targetLow;
    sqes[at + SqeWord.AddressHigh] = targetHigh;
  }

  /** Closes a descriptor; it completes only if that fails. */
  close(fd: number): void {
    this.entry(Opcode.Close | SqeFlag.SkipSuccess, fd, 0, 0);
  }

  /**
   * Sets a place of the file table, or empties it.
   *
   * @param address of the 32-bit descriptor, −1 to empty the place; read before enter(2) returns
   */
  setFile(address: number, index: number): void {
    const { sqes } = this.kernel;
    const at = this.entry(Opcode.FilesUpdate | SqeFlag.SkipSuccess, -1, 0, 0);
    this.setAddress(at, address);
    sqes[at + SqeWord.Length] = 1;
    sqes[at + SqeWord.OffsetLow] = index;
  }

  /** Reads 8 bytes of an eventfd. */
  read(fd: number, address: number, low: number, high: number): void {
    const at = this.entry(Opcode.Read, fd, low, high);
    this.setAddress(at, address);
    this.kernel.sqes[at + SqeWord.Length] = 8;
  }

  private sendEntry(
    opcode: Opcode,
    fd: number,
    isPrompt: boolean,
    low: number,
    high: number,
  ): number {
    const at = this.onSocket(isPrompt ? opcode | SqeFlag.SkipSuccess : opcode, fd, low, high);
    const flags = isPrompt ? MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL : MSG_NOSIGNAL;
    this.kernel.sqes[at + SqeWord.OperationFlags] = flags;
    return at;
  }

  /** An operation on a relay's socket. */
  private onSocket(first: number, fd: number, low: number, high: number): number {
    return this.entry(fd < this.fixedBelow ? first | SqeFlag.FixedFile : first, fd, low, high);
  }

  private entry(first: number, fd: number, low: number, high: number): number {
    const { kernel } = this;
    const at = kernel.entry();
    const { sqes } = kernel;
    sqes[at] = first;
    sqes[at + SqeWord.Fd] = fd;
    sqes[at + SqeWord.UserDataLow] = low;
    sqes[at + SqeWord.UserDataHigh] = high;
    return at;
  }

  private setAddress(at: number, address: number): void {
    const { sqes } = this.kernel;
    sqes[at + SqeWord.AddressLow] = address >>> 0;
    sqes[at + SqeWord.AddressHigh] = Math.floor(address / TWO_32);
  }
}
