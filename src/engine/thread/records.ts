import { type Address, formatAddress } from "../../base/address.ts";
import type { Reason } from "../../base/reason.ts";
import { flowFigures } from "../../counts/figures.ts";
import { CLIENT_ADDRESS_SIZE, type ClientAddress } from "../../entry/access/client-address.ts";
import { Summary } from "../../relay/ledger/summary.ts";
import type { MirrorOutcome } from "../../relay/mirror/reason.ts";

/** Index of each number in a record; the figures of both flows follow. */
enum Field {
  Id,
  StartedAt,
  DurationMs,
  Dials,
  DialMs,
  FirstByteMs,
  IsWaiting,
  Listener,
  Reason,
  Upstream,
  Label,
  Mirror,
  Local,
  Resolved,
  WaitedMs,
  Flows,
}

/** Addresses that are sent in the kernel's form, each in {@link CLIENT_ADDRESS_SIZE} bytes. */
enum End {
  Client,
  Peer,
  /** Unless it is the listener's own address, see {@link Field.Local}. */
  Local,
  Count,
}

const ENDS_SIZE = End.Count * CLIENT_ADDRESS_SIZE;
const RECORD_SIZE = Field.Flows + 2 * flowFigures.size;
/** Initial capacity of a batch, in relays. */
const CAPACITY = 64;
/** Takes the place of a text's number if there is no text. */
const NO_TEXT = -1;
/** Takes the place of a time that has not come. */
const NO_TIME = -1;
/** Takes the place of an unknown address; it has no family. */
const UNKNOWN = new Uint8Array(2);

/** Stories of relays, as threads send them: numbers, and the texts that they refer to. */
export interface RecordBatch {
  readonly count: number;
  /** `count` records, one after the other; the buffer is transferred. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** The {@link End}s of each record; family 0 if one is unknown. Transferred. */
  readonly ends: Uint8Array<ArrayBuffer>;
  /** Listeners, reasons, upstreams, labels, mirrors' outcomes and own addresses, each once. */
  readonly texts: readonly string[];
}

/**
 * Gathers the stories of relays to send them together. A busy proxy ends thousands of relays a
 * second: a message for each, or a text for each client, would cost more than half of the relay's
 * own work (bench/FINDINGS.md, 2026-11-24).
 */
export class Records {
  count = 0;
  private numbers = new Float64Array(CAPACITY * RECORD_SIZE);
  private ends = new Uint8Array(CAPACITY * ENDS_SIZE);
  private texts: string[] = [];
  /** Numbers by text, and by the address objects of upstreams. */
  private readonly numberOf = new Map<string | Address, number>();

  add(relay: Summary): void {
    const at = this.count * RECORD_SIZE;
    if (at === this.numbers.length) this.grow();
    const { numbers } = this;
    const { reason, upstreamAddress, label, mirror } = relay;
    numbers[at + Field.Id] = relay.id;
    numbers[at + Field.StartedAt] = relay.startedAt;
    numbers[at + Field.DurationMs] = relay.durationMs;
    numbers[at + Field.Dials] = relay.dials;
    numbers[at + Field.DialMs] = relay.dialMs ?? NO_TIME;
    numbers[at + Field.FirstByteMs] = relay.firstByteMs ?? NO_TIME;
    numbers[at + Field.IsWaiting] = Number(relay.isWaiting);
    numbers[at + Field.Listener] = this.numberOfText(relay.listener);
    numbers[at + Field.Reason] = reason === null ? NO_TEXT : this.numberOfText(reason);
    numbers[at + Field.Upstream] =
      upstreamAddress === null ? NO_TEXT : this.numberOfText(upstreamAddress);
    numbers[at + Field.Label] = label === null ? NO_TEXT : this.numberOfText(label);
    numbers[at + Field.Mirror] = mirror === null ? NO_TEXT : this.numberOfText(mirror);
    const { localAddress: local, resolvedAddress: resolved } = relay;
    const isOwn = local !== null && !(local instanceof Uint8Array);
    numbers[at + Field.Local] = isOwn ? this.numberOfText(local) : NO_TEXT;
    numbers[at + Field.Resolved] = resolved === null ? NO_TEXT : this.numberOfText(resolved);
    numbers[at + Field.WaitedMs] = relay.waitedMs;
    numbers.set(relay.flows, at + Field.Flows);
    this.writeEnd(End.Client, relay.clientAddress);
    this.writeEnd(End.Peer, relay.peerAddress);
    this.writeEnd(End.Local, isOwn ? null : local);
    this.count++;
  }

  /**
   * Bytes behind a short address are not cleared, as its family tells its size. A long one is cut
   * to its place.
   */
  private writeEnd(which: End, address: Uint8Array | null): void {
    const bytes = (address ?? UNKNOWN).subarray(0, CLIENT_ADDRESS_SIZE);
    this.ends.set(bytes, this.count * ENDS_SIZE + which * CLIENT_ADDRESS_SIZE);
  }

  /** Takes everything gathered so far; the next batch begins empty. */
  take(): RecordBatch {
    const { count, texts } = this;
    const numbers = this.numbers.slice(0, count * RECORD_SIZE);
    const ends = this.ends.slice(0, count * ENDS_SIZE);
    this.count = 0;
    this.texts = [];
    this.numberOf.clear();
    return { count, numbers, ends, texts };
  }

  private numberOfText(text: string | Address): number {
    let number = this.numberOf.get(text);
    if (number === undefined) {
      // Each DNS answer has new objects for the same addresses.
      if (typeof text !== "string") number = this.numberOfText(formatAddress(text));
      else number = this.texts.push(text) - 1;
      this.numberOf.set(text, number);
    }
    return number;
  }

  private grow(): void {
    const numbers = new Float64Array(this.numbers.length * 2);
    numbers.set(this.numbers);
    this.numbers = numbers;
    const ends = new Uint8Array(this.ends.length * 2);
    ends.set(this.ends);
    this.ends = ends;
  }
}

/** The relays of a batch, in order. Their addresses and figures are decoded on demand. */
export function relaysOf(batch: RecordBatch): Summary[] {
  return Array.from({ length: batch.count }, (_, index) => relayOf(batch, index));
}

function relayOf({ numbers, ends, texts }: RecordBatch, index: number): Summary {
  const at = index * RECORD_SIZE;
  const number = (field: Field) => numbers[at + field] as number;
  const time = (field: Field) => (number(field) === NO_TIME ? null : number(field));
  const text = (field: Field) => texts[number(field)] ?? null;
  const end = (which: End) => {
    const first = index * ENDS_SIZE + which * CLIENT_ADDRESS_SIZE;
    return ends.subarray(first, first + CLIENT_ADDRESS_SIZE) as ClientAddress;
  };
  return new Summary(
    number(Field.Id),
    text(Field.Listener) ?? "",
    end(End.Client),
    text(Field.Upstream),
    number(Field.StartedAt),
    number(Field.DurationMs),
    number(Field.Dials),
    time(Field.DialMs),
    time(Field.FirstByteMs),
    number(Field.IsWaiting) === 1,
    text(Field.Reason) as Reason | null,
    text(Field.Label),
    text(Field.Mirror) as MirrorOutcome | null,
    numbers.subarray(at + Field.Flows, at + RECORD_SIZE),
    text(Field.Local) ?? end(End.Local),
    text(Field.Resolved),
    end(End.Peer),
    number(Field.WaitedMs),
  );
}
