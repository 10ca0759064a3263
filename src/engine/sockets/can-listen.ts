/**
 * Whether Bun can listen here at all: it does, on a free port of this machine alone, and stops.
 *
 * @returns null, or the system's code for why it cannot
 */
export function canListen(): string | null {
  try {
    Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } }).stop(true);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
