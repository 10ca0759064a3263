import type { Reason } from "../../flow/reason.ts";
import type { FlowStats, RelaySummary } from "../engine.ts";
import { noFlowStats } from "../tally.ts";

const FLOW_KEYS = Object.keys(noFlowStats()) as (keyof FlowStats)[];

/** Where in a record each number stands; the two flows' figures follow behind. */
enum Field {
  Id,
  StartedAt,
  DurationMs,
  Dials,
  Reason,
  Client,
  Upstream,
  Flows,
}

const RECORD_SIZE = Field.Flows + 2 * FLOW_KEYS.length;
/** Relays that a batch has room for at first. */
const CAPACITY = 64;
/** Instead of a text's number: there is none. */
const NO_TEXT = -1;

/** Stories of ended relays, as one thread sends them to another: numbers, and the texts in them. */
export interface RecordBatch {
  readonly count: number;
  /** `count` records, one after the other; the buffer is handed over. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Reasons, clients and upstreams, each once. */
  readonly texts: readonly string[];
}

/**
 * Gathers the stories of relays that ended, until they are sent together. A busy proxy ends
 * thousands of relays a second, and a message for each with all its names would cost more than
 * the relay (bench/FINDINGS.md, 2026-11-24).
 */
export class Records {
  count = 0;
  private numbers = new Float64Array(CAPACITY * RECORD_SIZE);
  private texts: string[] = [];
  private readonly numberOf = new Map<string, number>();

  add(relay: RelaySummary): void {
    const at = this.count * RECORD_SIZE;
    if (at === this.numbers.length) this.grow();
    const { numbers } = this;
    numbers[at + Field.Id] = relay.id;
    numbers[at + Field.StartedAt] = relay.startedAt;
    numbers[at + Field.DurationMs] = relay.durationMs;
    numbers[at + Field.Dials] = relay.dials;
    numbers[at + Field.Reason] = this.text(relay.reason);
    numbers[at + Field.Client] = this.text(relay.client);
    numbers[at + Field.Upstream] = this.text(relay.upstream);
    let place = at + Field.Flows;
    for (const flow of [relay.up, relay.down]) {
      for (const key of FLOW_KEYS) numbers[place++] = flow[key];
    }
    this.count++;
  }

  /** Everything gathered so far; the next batch begins empty. */
  take(): RecordBatch {
    const { count, texts } = this;
    const numbers = this.numbers.slice(0, count * RECORD_SIZE);
    this.count = 0;
    this.texts = [];
    this.numberOf.clear();
    return { count, numbers, texts };
  }

  private text(text: string | null): number {
    if (text === null) return NO_TEXT;
    let number = this.numberOf.get(text);
    if (number === undefined) {
      number = this.texts.push(text) - 1;
      this.numberOf.set(text, number);
    }
    return number;
  }

  private grow(): void {
    const larger = new Float64Array(this.numbers.length * 2);
    larger.set(this.numbers);
    this.numbers = larger;
  }
}

/** One relay of a batch, read when somebody asks. */
class Record implements RelaySummary {
  constructor(
    private readonly batch: RecordBatch,
    private readonly at: number,
  ) {}

  get id(): number {
    return this.number(Field.Id);
  }
  get client(): string {
    return this.text(Field.Client) ?? "";
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
  get reason(): Reason | null {
    return this.text(Field.Reason) as Reason | null;
  }
  get up(): FlowStats {
    return this.flow(Field.Flows);
  }
  get down(): FlowStats {
    return this.flow(Field.Flows + FLOW_KEYS.length);
  }

  private number(field: number): number {
    return this.batch.numbers[this.at + field] as number;
  }

  private text(field: Field): string | null {
    return this.batch.texts[this.number(field)] ?? null;
  }

  private flow(first: number): FlowStats {
    const flow = noFlowStats();
    for (const [index, key] of FLOW_KEYS.entries()) flow[key] = this.number(first + index);
    return flow;
  }
}

/** The relays of a batch, in the order in which they ended. */
export function relaysOf(batch: RecordBatch): RelaySummary[] {
  return Array.from({ length: batch.count }, (_, index) => new Record(batch, index * RECORD_SIZE));
}
