/**
 * Checks whether Bun can listen at all, by listening briefly on a free loopback port.
 *
 * @returns null if it can; otherwise the system's error code
 */
export function canListen(): string | null {
  try {
    Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } }).stop(true);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
