import { ConfigError, describe } from "./error.ts";

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

const SIZE_UNITS = ["", "k", "m", "g"];

/**
 * Reads a duration: `500ms`, `5s`, `1.5m`, `1h`; a plain number is seconds.
 *
 * @returns whole milliseconds; more than 0 unless the text says 0
 * @throws ConfigError with one sentence that begins with the value
 */
export function parseDuration(value: string | number): number {
  const match = /^(\d{1,12}(?:\.\d{1,9})?)(ms|s|m|h)?$/.exec(String(value));
  if (match === null) {
    throw new ConfigError(
      `${describe(value)}: expected a duration such as 500ms, 5s, 2m or 1h, or a number of seconds`,
    );
  }
  const [, amount = "", unit = "s"] = match;
  const durationMs = Number(amount) * (DURATION_UNITS[unit] ?? 0);
  return durationMs > 0 ? Math.max(1, Math.round(durationMs)) : 0;
}

const MICRO_UNITS: Readonly<Record<string, number>> = { us: 1, µs: 1, μs: 1, ms: 1e3, s: 1e6 };

/**
 * Reads a duration that may be shorter than a millisecond: `50us`, `50µs`, `5ms`, `1s`; a plain
 * number is seconds.
 *
 * @returns whole microseconds; more than 0 unless the text says 0
 * @throws ConfigError with one sentence that begins with the value
 */
export function parseMicros(value: string | number): number {
  const match = /^(\d{1,12}(?:\.\d{1,9})?)(us|[µμ]s|ms|s)?$/.exec(String(value));
  if (match === null) {
    throw new ConfigError(
      `${describe(value)}: expected a duration such as 50us, 5ms or 1s, or a number of seconds`,
    );
  }
  const [, amount = "", unit = "s"] = match;
  const micros = Number(amount) * (MICRO_UNITS[unit] ?? 0);
  return micros > 0 ? Math.max(1, Math.round(micros)) : 0;
}

/**
 * Reads a size in bytes: `4096`, `64k`, `64KiB`, `1m`, `1MiB`, `1GiB`; all units are powers of
 * 1024.
 *
 * @throws ConfigError with one sentence that begins with the value
 */
export function parseSize(value: string | number): number {
  const match = /^(\d{1,12})(?:([kmg])(?:ib)?|b)?$/i.exec(String(value));
  if (match === null) {
    throw new ConfigError(
      `${describe(value)}: expected a size such as 64KiB, 64k or 1MiB, or a number of bytes`,
    );
  }
  const [, amount = "", unit = ""] = match;
  return Number(amount) * 1024 ** SIZE_UNITS.indexOf(unit.toLowerCase());
}

/** A duration as a person reads it, with about three digits: `0ms`, `850ms`, `1.25s`, `3m 20s`. */
export function formatDuration(durationMs: number): string {
  const ms = Math.round(durationMs);
  if (ms < 1_000) return `${ms}ms`;
  if (ms < 60_000) return `${Number((durationMs / 1_000).toPrecision(3))}s`;
  const seconds = Math.round(ms / 1_000);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  const parts = [
    [hours, "h"],
    [minutes, "m"],
    [hours === 0 ? seconds % 60 : 0, "s"],
  ] as const;
  return parts.flatMap(([count, unit]) => (count === 0 ? [] : `${count}${unit}`)).join(" ");
}

/**
 * A duration below a second as a person would type it: `50us`, `2ms`; longer ones as a person reads
 * it.
 */
export function formatMicros(micros: number): string {
  return micros % 1_000 === 0 ? formatDuration(micros / 1_000) : `${micros}us`;
}

/** The day of a time, in UTC: `2026-11-30`. @param time milliseconds since 1970 */
export function formatDay(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** A number of bytes as a person reads it, with about three digits: `512 B`, `64 KiB`. */
export function formatSize(bytes: number): string {
  return scaled(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]);
}

/** A bandwidth as a person reads it, from bytes per second to `12.3 Gbit/s`. */
export function formatBandwidth(bytesPerSecond: number): string {
  return scaled(bytesPerSecond * 8, 1000, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"]);
}

/** A count as a person reads it: `1,234,567`. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ",");
}

function scaled(amount: number, step: number, units: readonly string[]): string {
  let index = 0;
  let rest = amount;
  // A value that rounds up to a full step belongs to the next unit.
  while (index < units.length - 1 && rounded(rest) >= step) {
    rest /= step;
    index++;
  }
  return `${rounded(rest)} ${units[index]}`;
}

/** Rounds to about three digits, and keeps all digits before the decimal point. */
function rounded(amount: number): number {
  return amount >= 1_000 ? Math.round(amount) : Number(amount.toPrecision(3));
}

/** A count with its noun: `1 relay`, `2,000 relays`. @param noun takes an s in the plural */
export function formatCounted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${formatCount(count)} ${noun}s`;
}
