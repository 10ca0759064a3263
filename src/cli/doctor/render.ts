import { formatCounted } from "../../base/quantity.ts";
import type { Check } from "../../engine/uring/report.ts";
import type { Findings } from "./examine.ts";
import type { LimitFinding } from "./limits.ts";

/** The severity of a line: fine, worth knowing, or a problem. */
type Mark = "ok" | "lacks" | "MISSING" | "low";

const COLOURS: Readonly<Record<Mark, string>> = {
  ok: "\u001b[32m",
  lacks: "\u001b[33m",
  low: "\u001b[33m",
  MISSING: "\u001b[31m",
};
const FOUND_WIDTH_MAX = 28;
const PLAIN = "\u001b[0m";

interface Row {
  readonly mark: Mark;
  readonly name: string;
  readonly found: string;
  readonly use: string;
  readonly remedy: string;
}

/**
 * The findings as a table: one line each, followed by the remedy if there is a problem.
 *
 * @param colours for a terminal
 */
export function renderDoctor(findings: Findings, colours: boolean): string {
  const { version, bun, platform, kernel, cpus, engine, why, remedy } = findings;
  const system = kernel === null ? platform : `${platform}, kernel ${kernel}`;
  const processors = formatCounted(cpus, "processor");
  const choice = engine === null ? "none can run" : engine;
  const sections: readonly (readonly [string, readonly Row[]])[] = [
    ["io_uring (--engine uring)", findings.uring.checks.map(checkRow)],
    ["Bun's sockets (--engine sockets)", [socketsRow(findings)]],
    ["Limits", findings.limits.map(limitRow)],
  ];
  const rows = sections.flatMap(([, some]) => some);
  const widths = [
    Math.max(...rows.map(({ mark }) => mark.length)),
    Math.max(...rows.map(({ name }) => name.length)),
    // A long cause shifts only the rest of its own line.
    Math.min(FOUND_WIDTH_MAX, Math.max(...rows.map(({ found }) => found.length))),
  ] as const;
  const lines = [
    `ringway ${version} on Bun ${bun}, ${system}, ${processors}`,
    `--engine auto chooses: ${choice} (${why})`,
  ];
  if (engine === "uring")
    lines.push("listeners with TLS, and those that choose so, run on Bun's sockets beside it");
  if (engine !== "uring" && remedy !== "") lines.push(`to use io_uring: ${remedy}`);
  for (const [heading, some] of sections) {
    if (some.length === 0) continue;
    lines.push("", heading, ...some.flatMap((row) => renderRow(row, widths, colours)));
  }
  return `${lines.join("\n")}\n`;
}

function renderRow(
  { mark, name, found, use, remedy }: Row,
  [first, second, third]: readonly [number, number, number],
  colours: boolean,
): string[] {
  const word = mark.padEnd(first);
  const shown = colours ? `${COLOURS[mark]}${word}${PLAIN}` : word;
  const line = `  ${shown}  ${name.padEnd(second)}  ${found.padEnd(third)}  ${use}`.trimEnd();
  return remedy === "" ? [line] : [line, `  ${" ".repeat(first)}  → ${remedy}`];
}

function checkRow({ ok, needed, ...rest }: Check): Row {
  return { mark: ok ? "ok" : needed ? "MISSING" : "lacks", ...rest };
}

function socketsRow({ sockets: { ok, found } }: Findings): Row {
  const remedy = ok ? "" : "allow this process to listen on 127.0.0.1";
  return { mark: ok ? "ok" : "MISSING", name: "listening", found, use: "", remedy };
}

function limitRow({ ok, ...rest }: LimitFinding): Row {
  return { mark: ok ? "ok" : "low", ...rest };
}
