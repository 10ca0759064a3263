import { type CommandLogPage, sharedNumbers } from "./page.ts";

/** A command that stood out. No key and no value of it is kept, as these may be secret. */
export interface NotedCommand {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The client as `host:port`, or `unix`. */
  readonly client: string;
  readonly command: string;
  readonly requestBytes: number;
  readonly replyBytes: number;
  /** Milliseconds from when it was sent until its reply was whole. */
  readonly upstreamMs: number;
}

/** The numbers of an entry. */
enum Part {
  /** Grows with each entry that is written, and is 0 while it is; so readers know what is whole. */
  Order,
  At,
  RequestBytes,
  ReplyBytes,
  UpstreamMs,
  /** Bytes of the client's name, which the command's follows. */
  ClientSize,
  CommandSize,
}
const PARTS = 7;

/** Bytes for the names of a client and of a command; longer ones are cut off. */
const TEXT_BYTES = 112;
const CLIENT_BYTES = 64;

/**
 * Notes commands that stood out on a page, which other threads read without asking.
 *
 * Owner: a listener's figures.
 */
export class CommandLog {
  readonly page: CommandLogPage;
  private order = 0;

  /** @param size how many are kept */
  constructor(private readonly size: number) {
    this.page = {
      numbers: sharedNumbers(size * PARTS),
      texts: new Uint8Array(new SharedArrayBuffer(size * TEXT_BYTES)),
    };
  }

  /** Notes a command in the place of the one that was noted first. */
  note(command: NotedCommand): void {
    this.write(this.order % this.size, command);
  }

  /** Notes a command in the place of the one with the smallest reply. @returns the smallest reply from then on */
  noteBigger(command: NotedCommand): number {
    this.write(this.smallest(), command);
    return this.reply(this.smallest());
  }

  private smallest(): number {
    let place = 0;
    for (let i = 1; i < this.size; i++) if (this.reply(i) < this.reply(place)) place = i;
    return place;
  }

  private reply(place: number): number {
    return this.page.numbers[place * PARTS + Part.ReplyBytes] as number;
  }

  private write(place: number, command: NotedCommand): void {
    const { numbers, texts } = this.page;
    const at = place * PARTS;
    numbers[at + Part.Order] = 0;
    numbers[at + Part.At] = command.at;
    numbers[at + Part.RequestBytes] = command.requestBytes;
    numbers[at + Part.ReplyBytes] = command.replyBytes;
    numbers[at + Part.UpstreamMs] = command.upstreamMs;
    const client = command.client.slice(0, CLIENT_BYTES);
    const name = command.command.slice(0, TEXT_BYTES - CLIENT_BYTES);
    numbers[at + Part.ClientSize] = client.length;
    numbers[at + Part.CommandSize] = name.length;
    const from = place * TEXT_BYTES;
    for (const [i, text] of Array.from(client + name).entries())
      texts[from + i] = text.charCodeAt(0);
    numbers[at + Part.Order] = ++this.order;
  }
}

/** Reads a log, the latest entry first. One that is being written is left out. */
export function notedCommands({ numbers, texts }: CommandLogPage): NotedCommand[] {
  const noted: (readonly [order: number, command: NotedCommand])[] = [];
  for (let at = 0, from = 0; at < numbers.length; at += PARTS, from += TEXT_BYTES) {
    const number = (part: Part) => numbers[at + part] as number;
    const order = number(Part.Order);
    if (order === 0) continue;
    const middle = from + number(Part.ClientSize);
    const command: NotedCommand = {
      at: number(Part.At),
      client: textOf(texts, from, middle),
      command: textOf(texts, middle, middle + number(Part.CommandSize)),
      requestBytes: number(Part.RequestBytes),
      replyBytes: number(Part.ReplyBytes),
      upstreamMs: number(Part.UpstreamMs),
    };
    if (number(Part.Order) === order) noted.push([order, command]);
  }
  return noted.sort(([one], [other]) => other - one).map(([, command]) => command);
}

function textOf(texts: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...texts.subarray(from, to));
}
