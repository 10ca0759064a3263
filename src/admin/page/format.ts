const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** `12.3 MiB`. */
export function bytes(amount: number): string {
  let unit = 0;
  let rest = amount;
  while (rest >= 1024 && unit < UNITS.length - 1) {
    rest /= 1024;
    unit++;
  }
  return `${digits(rest, unit === 0 ? 0 : 1)} ${UNITS[unit]}`;
}

/** `1,234`. */
export function count(amount: number): string {
  return Math.round(amount).toLocaleString("en");
}

/** A number with a decimal if it is small: `0.3`, `12`, `1,234`. */
export function rate(amount: number): string {
  return amount < 10 ? digits(amount, 1) : count(amount);
}

/** `3.4 %`. */
export function percent(part: number, of: number): string {
  return `${digits(of > 0 ? (100 * part) / of : 0, 1)} %`;
}

/** A short time, with about two digits: `0.04 ms`, `1.2 ms`, `34 ms`, `1.2 s`. */
export function latency(ms: number): string {
  if (ms >= 1_000) return duration(ms);
  if (ms >= 9.95) return `${Math.round(ms)} ms`;
  return `${Number(ms.toFixed(ms < 0.995 ? 2 : 1))} ms`;
}

/** `340 ms`, `12.3 s`, `5 min 20 s`, `3 h 12 min`, `4 d 3 h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${digits(ms / 1_000, 1)} s`;
  const seconds = Math.floor(ms / 1_000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours < 1) return two(minutes, "min", seconds % 60, "s");
  if (hours < 24) return two(hours, "h", minutes % 60, "min");
  return two(Math.floor(hours / 24), "d", hours % 24, "h");
}

function two(large: number, unit: string, small: number, lesser: string): string {
  return small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${lesser}`;
}

function digits(amount: number, most: number): string {
  return amount.toLocaleString("en", { maximumFractionDigits: most });
}

/** How many days are left. @param time and @param now milliseconds since 1970 */
export function daysUntil(time: number, now: number): string {
  const days = Math.floor((time - now) / (24 * 60 * 60 * 1_000));
  if (time <= now) return "expired";
  if (days < 1) return "less than a day left";
  return days === 1 ? "1 day left" : `${count(days)} days left`;
}

/** Splits a figure's name into words: `silentSends` becomes `silent sends`. */
export function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
