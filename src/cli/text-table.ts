import { printable } from "../base/error.ts";

/** A column of a table for a person. */
export interface Column {
  readonly title: string;
  /** Figures stand at its right edge. */
  readonly isFigure?: boolean;
  /** So wide even when its cells are not, so that figures that change do not move the others. */
  readonly usual?: number;
  /** To so few it may be cut; unless given it is shown whole or not at all. */
  readonly least?: number;
  /** What does not fit is cut out before its end, which is the port. */
  readonly isAddress?: boolean;
  /** Where there is no room, columns with the highest go first; 0 unless given. */
  readonly rank?: number;
}

const GAP = "  ";

/**
 * Lays a table out in so many columns of a terminal: what does not fit is left out, from the columns
 * of the highest rank on, or cut. Cells are made printable, whoever wrote them.
 *
 * @param width Infinity shows everything
 * @returns lines at most so wide: the titles, then the rows
 */
export function layOut(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): string[] {
  const cells = rows.map((row) => columns.map((_, index) => printable(row[index] ?? "")));
  const all = columns.map((column, index) => {
    const widest = cells.reduce((most, row) => Math.max(most, widthOf(row[index] ?? "")), 0);
    return { column, index, width: Math.max(widest, column.title.length, column.usual ?? 0) };
  });
  const shown = narrowed(all, width);
  const line = (row: readonly string[]) => {
    const texts = shown.map((one) => fit(row[one.index] ?? "", one.width, one.column));
    return clip(texts.join(GAP), width).trimEnd();
  };
  return [columns.map(({ title }) => title), ...cells].map(line);
}

interface Shown {
  readonly column: Column;
  readonly index: number;
  width: number;
}

/** Those that there is room for, with the widths that they get. */
function narrowed(all: readonly Shown[], room: number): readonly Shown[] {
  const least = (one: Shown) => Math.min(one.width, one.column.least ?? one.width);
  let shown = [...all];
  while (shown.length > 1 && total(shown.map(least)) > room) {
    const ranks = shown.map(({ column }) => column.rank ?? 0);
    const gone = ranks.lastIndexOf(Math.max(...ranks));
    shown = shown.filter((_, index) => index !== gone);
  }
  while (total(shown.map((one) => one.width)) > room) {
    // The widest gives way first, so that the others stay whole as long as possible.
    const cuttable = shown.filter((one) => one.width > least(one));
    const widest = cuttable.reduce<Shown | null>(
      (most, one) => (most === null || one.width > most.width ? one : most),
      null,
    );
    if (widest === null) break;
    widest.width--;
  }
  return shown;
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, one) => sum + one, 0) + GAP.length * (widths.length - 1);
}

function fit(text: string, width: number, { isFigure, isAddress }: Column): string {
  const cut = isAddress ? clipAddress(text, width) : clip(text, width);
  const space = " ".repeat(Math.max(0, width - widthOf(cut)));
  return isFigure ? space + cut : cut + space;
}

/** The text in at most so many columns of a terminal; one that was cut ends in `…`. */
export function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let cut = "";
  let used = 0;
  for (const character of text) {
    const more = widthOf(character);
    if (used + more > width - 1) break;
    cut += character;
    used += more;
  }
  return width < 1 ? "" : `${cut}…`;
}

/** An address in at most so many columns: a `…` stands for what is missing before its port, or its end. */
export function clipAddress(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const end = /:\d{1,5}$/.exec(text)?.[0] ?? text.slice(-Math.floor(width / 2));
  const room = width - widthOf(end);
  return room < 1 ? clip(text, width) : clip(text.slice(0, -end.length), room) + end;
}

/** Columns of a terminal that a text takes: some characters take two, some none. */
export function widthOf(text: string): number {
  return Bun.stringWidth(text);
}
