import { printable } from "../base/error.ts";

/** A column of a table for people. */
export interface Column {
  readonly title: string;
  /** Align to the right, for numbers. */
  readonly isFigure?: boolean;
  /** The least width, so that changing numbers do not move other columns. */
  readonly usual?: number;
  /** The width to which it may be cut; if missing, it is shown whole or not at all. */
  readonly least?: number;
  /** Cut before the end, to keep an address's port. */
  readonly isAddress?: boolean;
  /** If there is no room, columns with the highest rank are dropped first; default 0. */
  readonly rank?: number;
}

const GAP = "  ";

/**
 * Lays out a table in the columns of a terminal. If it does not fit, table columns are dropped,
 * highest rank first, or cut. Cells are made printable.
 *
 * @param width Infinity shows everything
 * @returns lines of at most that width: the titles, then the rows
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

/** The columns that fit, with their widths. */
function narrowed(all: readonly Shown[], room: number): readonly Shown[] {
  const least = (one: Shown) => Math.min(one.width, one.column.least ?? one.width);
  let shown = [...all];
  while (shown.length > 1 && total(shown.map(least)) > room) {
    const ranks = shown.map(({ column }) => column.rank ?? 0);
    const gone = ranks.lastIndexOf(Math.max(...ranks));
    shown = shown.filter((_, index) => index !== gone);
  }
  while (total(shown.map((one) => one.width)) > room) {
    // Cut the widest first, so that the others stay whole as long as possible.
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

/** Cuts a text to columns of a terminal; a cut text ends in `…`. */
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

/** Cuts an address to columns: a `…` replaces the part before its port, or its end. */
export function clipAddress(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const end = /:\d{1,5}$/.exec(text)?.[0] ?? text.slice(-Math.floor(width / 2));
  const room = width - widthOf(end);
  return room < 1 ? clip(text, width) : clip(text.slice(0, -end.length), room) + end;
}

/** The terminal columns of a text: some characters take two, some none. */
export function widthOf(text: string): number {
  return Bun.stringWidth(text);
}
