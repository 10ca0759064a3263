import type { Figure, Snapshot } from "./figures.ts";

/**
 * Writes a figure in Prometheus' text format. The library's metrics remember values and labels, which
 * a figure that is read anew for each answer has no use for: with one of them for each figure an answer
 * took three times as long (bench/FINDINGS.md, 2026-11-24).
 *
 * Source: Prometheus' exposition formats, text-based format 0.0.4.
 */
export class FigureText {
  private readonly head: string;
  /** Each label's name with all that stands between its value and that of the one before. */
  private readonly openings: readonly string[];

  constructor(private readonly figure: Figure) {
    const { kind, name, help, labels } = figure;
    this.head = `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`;
    this.openings = labels.map((label, index) => `${index === 0 ? `${name}{` : '",'}${label}="`);
  }

  /** All lines of the figure as it is now, with an empty one behind them. */
  of(snapshot: Snapshot): string {
    const { figure, openings } = this;
    let text = this.head;
    for (const [values, value] of figure.rows(snapshot)) {
      if (openings.length === 0) text += figure.name;
      else {
        for (let i = 0; i < openings.length; i++)
          text += openings[i] + escapeLabel(values[i] ?? "");
        text += '"}';
      }
      text += ` ${value}\n`;
    }
    return `${text}\n`;
  }
}

/** A label's value as it stands between quotation marks. */
function escapeLabel(value: string): string {
  if (!/[\\"\n]/.test(value)) return value;
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
