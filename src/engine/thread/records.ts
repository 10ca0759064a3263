import { type Address, formatAddress } from "../../base/address.ts";
import type { Reason } from "../../base/reason.ts";
import { type FlowStats, flowFigures } from "../../counts/figures.ts";
import { CLIENT_ADDRESS_SIZE } from "../../entry/access/client-address.ts";
import type { RelaySummary } from "../../relay/ledger/stats.ts";
import { endName, endNameOrNull, type Summary } from "../../relay/ledger/summary.ts";
import type { MirrorOutcome } from "../../relay/mirror/reason.ts";

/** Where in a record each number stands; the two flows' figures follow behind. */
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
  Route,
  TlsName,
  TlsAlpn,
  TlsVersion,
  TlsCipher,
  TlsResumed,
  TlsClient,
  Flows,
}

/** Addresses that are sent as the kernel has them, in this order, each in {@link CLIENT_ADDRESS_SIZE} bytes. */
enum End {
  Client,
  Peer,
  /** Where it is no listener's own: see {@link Field.Local}. */
  Local,
  Count,
}

const ENDS_SIZE = End.Count * CLIENT_ADDRESS_SIZE;
const RECORD_SIZE = Field.Flows + 2 * flowFigures.size;
/** Relays that a batch has room for at first. */
const CAPACITY = 64;
/** Instead of a text's number: there is none. */
const NO_TEXT = -1;
/** Instead of a time: it has not come to that. */
const NO_TIME = -1;
/** Instead of an address: of no family. */
const UNKNOWN = new Uint8Array(2);

/** Stories of relays, as one thread sends them to another: numbers, and the texts in them. */
export interface RecordBatch {
  readonly count: number;
  /** `count` records, one after the other; the buffer is handed over. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** The {@link End}s of each, zeros where one is not known; handed over. */
  readonly ends: Uint8Array<ArrayBuffer>;
  /** Listeners, reasons, upstreams, labels, mirrors' outcomes, what hellos say, and addresses of ours, each once. */
  readonly texts: readonly string[];
}

/**
 * Gathers the stories of relays that ended, until they are sent together. A busy proxy ends
 * thousands of relays a second: a message for each, or a text for each client, would cost more
 * than half of the relay's own work (bench/FINDINGS.md, 2026-11-24).
 */
export class Records {
  count = 0;
  private numbers = new Float64Array(CAPACITY * RECORD_SIZE);
  private ends = new Uint8Array(CAPACITY * ENDS_SIZE);
  private texts: string[] = [];
  /** By a text itself, and by the very object that stands for an upstream. */
  private readonly numberOf = new Map<string | Address, number>();

  add(relay: Summary): void {
    const at = this.count * RECORD_SIZE;
    if (at === this.numbers.length) this.grow();
    const { numbers } = this;
    const { reason, upstreamAddress, label, mirror, route, tlsName, tlsAlpn } = relay;
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
    numbers[at + Field.Route] = route === null ? NO_TEXT : this.numberOfText(route);
    numbers[at + Field.TlsName] = tlsName === null ? NO_TEXT : this.numberOfText(tlsName);
    numbers[at + Field.TlsAlpn] = tlsAlpn === null ? NO_TEXT : this.numberOfText(tlsAlpn);
    this.addTls(relay, at);
    numbers.set(relay.flows, at + Field.Flows);
    this.writeEnd(End.Client, relay.clientAddress);
    this.writeEnd(End.Peer, relay.peerAddress);
    this.writeEnd(End.Local, isOwn ? null : local);
    this.count++;
  }

  private addTls({ tls, tlsClient }: Summary, at: number): void {
    const { numbers } = this;
    numbers[at + Field.TlsVersion] = tls === null ? NO_TEXT : this.numberOfText(tls.version);
    numbers[at + Field.TlsCipher] = tls === null ? NO_TEXT : this.numberOfText(tls.cipher);
    numbers[at + Field.TlsResumed] = Number(tls?.isResumed ?? false);
    numbers[at + Field.TlsClient] = tlsClient === null ? NO_TEXT : this.numberOfText(tlsClient);
  }

  /**
   * Behind a short one stays what was there: its family says how long it is. Another slot than its own
   * none ever gets, however long it is.
   */
  private writeEnd(which: End, address: Uint8Array | null): void {
    const bytes = (address ?? UNKNOWN).subarray(0, CLIENT_ADDRESS_SIZE);
    this.ends.set(bytes, this.count * ENDS_SIZE + which * CLIENT_ADDRESS_SIZE);
  }

  /** Everything gathered so far; the next batch begins empty. */
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
      // A name's addresses are other objects in each of its answers.
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

/** One relay of a batch, read when somebody asks. */
class Record implements RelaySummary {
  constructor(
    private readonly batch: RecordBatch,
    private readonly index: number,
  ) {}

  get id(): number {
    return this.number(Field.Id);
  }
  get listener(): string {
    return this.text(Field.Listener) ?? "";
  }
  get client(): string {
    return endName(this.end(End.Client));
  }
  get upstream(): string | null {
    return this.text(Field.Upstream);
  }
  get startedAt(): number {
    return this.number(Field.StartedAt);
  }
  get durationMs(): number {
    return this.number(Field.DurationMs);
  }
  get dials(): number {
    return this.number(Field.Dials);
  }
  get dialMs(): number | null {
    return this.time(Field.DialMs);
  }
  get firstByteMs(): number | null {
    return this.time(Field.FirstByteMs);
  }
  get isWaiting(): boolean {
    return this.number(Field.IsWaiting) === 1;
  }
  get reason(): Reason | null {
    return this.text(Field.Reason) as Reason | null;
  }
  get label(): string | null {
    return this.text(Field.Label);
  }
  get mirror(): MirrorOutcome | null {
    return this.text(Field.Mirror) as MirrorOutcome | null;
  }
  get local(): string | null {
    return this.text(Field.Local) ?? endNameOrNull(this.end(End.Local));
  }
  get resolved(): string | null {
    return this.text(Field.Resolved);
  }
  get peer(): string | null {
    return endNameOrNull(this.end(End.Peer));
  }
  get waitedMs(): number {
    return this.number(Field.WaitedMs);
  }
  get route(): string | null {
    return this.text(Field.Route);
  }
  get tlsName(): string | null {
    return this.text(Field.TlsName);
  }
  get tlsAlpn(): string | null {
    return this.text(Field.TlsAlpn);
  }
  get tlsVersion(): string | null {
    return this.text(Field.TlsVersion);
  }
  get tlsCipher(): string | null {
    return this.text(Field.TlsCipher);
  }
  get tlsResumed(): boolean | null {
    return this.tlsVersion === null ? null : this.number(Field.TlsResumed) === 1;
  }
  get tlsClient(): string | null {
    return this.text(Field.TlsClient);
  }
  get up(): FlowStats {
    return flowFigures.read(this.batch.numbers, this.place(Field.Flows));
  }
  get down(): FlowStats {
    return flowFigures.read(this.batch.numbers, this.place(Field.Flows) + flowFigures.size);
  }

  private number(field: Field): number {
    return this.batch.numbers[this.place(field)] as number;
  }

  private place(field: Field): number {
    return this.index * RECORD_SIZE + field;
  }

  private end(which: End): Uint8Array {
    const at = this.index * ENDS_SIZE + which * CLIENT_ADDRESS_SIZE;
    return this.batch.ends.subarray(at, at + CLIENT_ADDRESS_SIZE);
  }

  private time(field: Field): number | null {
    const ms = this.number(field);
    return ms === NO_TIME ? null : ms;
  }

  private text(field: Field): string | null {
    return this.batch.texts[this.number(field)] ?? null;
  }
}

/** The relays of a batch, in the order in which they ended. */
export function relaysOf(batch: RecordBatch): RelaySummary[] {
  return Array.from({ length: batch.count }, (_, index) => new Record(batch, index));
}
