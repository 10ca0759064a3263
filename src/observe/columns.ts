/**
 * Rows of cells as lines of text: the first column is aligned at its left, the others at their
 * right. A row that is a string is a line of its own that takes no part in the columns.
 */
export function alignColumns(rows: readonly (readonly string[] | string)[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    if (typeof row === "string") continue;
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    }
  }
  return rows.map((row) => {
    if (typeof row === "string") return row;
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    return cells.join("  ").trimEnd();
  });
}
