import type { Figure, Snapshot } from "./snapshot.ts";

/**
 * Writes a figure in Prometheus' text format. prom-client's metrics remember values and labels,
 * which is of no use for a figure that is read anew for each scrape, and made a scrape take three
 * times as long (bench/FINDINGS.md, 2026-11-24).
 *
 * Source: Prometheus' exposition formats, text-based format 0.0.4.
 */
export class FigureText {
  private readonly head: string;
  /** For each label, its name and everything between it and the value before, but for the metric's name. */
  private readonly openings: readonly string[];

  constructor(private readonly figure: Figure) {
    const { kind, name, help, labels } = figure;
    this.head = `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`;
    const all = kind === "histogram" ? [...labels, "le"] : labels;
    this.openings = all.map((label, index) => `${index === 0 ? "{" : '",'}${label}="`);
  }

  /** All lines of the figure now, with an empty line at the end. */
  of(snapshot: Snapshot): string {
    const { figure, openings } = this;
    let text = this.head;
    for (const [values, value, part = ""] of figure.rows(snapshot)) {
      text += figure.name + part;
      if (values.length > 0) {
        for (let i = 0; i < values.length; i++) text += openings[i] + escapeLabel(values[i] ?? "");
        text += '"}';
      }
      text += ` ${value}\n`;
    }
    return `${text}\n`;
  }
}

/** Escapes a label's value for quotation marks. */
function escapeLabel(value: string): string {
  if (!/[\\"\n]/.test(value)) return value;
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
