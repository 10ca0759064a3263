/** A figure's entry in the list of figures. */
export interface Figure {
  /** Its metric: a counter when that ends in `_total`, else a gauge. Missing where it has none of its own. */
  readonly metric?: string;
  /** What the metric says of itself. */
  readonly help?: string;
  /** What several engines have of it together: what all have, unless it is the most that one has. */
  readonly together?: "most";
  /** Its column in statistics for a person; in brackets it goes with the one before. Missing where it has none. */
  readonly column?: string;
}

type List = Readonly<Record<string, Figure>>;

/** Numbers of figures, by their names. */
export type Named<Entries> = { -readonly [Name in keyof Entries]: number };

/** The same of such figures. */
export type Values<Some> = Some extends Figures<infer Entries> ? Named<Entries> : never;

/**
 * Figures that are counted together: on a row of numbers, each in its place, or by their names in an object.
 * Whatever is to be done with each of them is done by the list, so that none can be forgotten.
 */
export class Figures<Entries extends List> {
  readonly names: readonly (keyof Entries & string)[];
  /** Where each stands in a row. */
  readonly place: Readonly<Named<Entries>>;
  /** Numbers of a row. */
  readonly size: number;
  /** A copy of it has its shape at once, which is three times as fast as to give it name after name. */
  private readonly zeros: Named<Entries>;

  constructor(readonly entries: Entries) {
    this.names = Object.keys(entries);
    this.size = this.names.length;
    const places = this.names.map((name, place) => [name, place]);
    this.place = Object.fromEntries(places) as Named<Entries>;
    this.zeros = Object.fromEntries(this.names.map((name) => [name, 0])) as Named<Entries>;
  }

  /** Nothing was counted. */
  none(): Named<Entries> {
    return { ...this.zeros };
  }

  /** What stands in a row. @param first where that begins */
  read(numbers: Float64Array, first = 0): Named<Entries> {
    const values = this.none();
    for (let i = 0; i < this.size; i++) {
      values[this.names[i] as keyof Entries] = numbers[first + i] as number;
    }
    return values;
  }

  /** Adds what one has counted to what others have. */
  add(total: Named<Entries>, part: Readonly<Named<Entries>>): void {
    for (const name of this.names) {
      const isMost = this.entries[name]?.together === "most";
      total[name] = isMost ? Math.max(total[name], part[name]) : total[name] + part[name];
    }
  }
}

/** A figure's name as words: `silentSends` are silent sends. */
export function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
