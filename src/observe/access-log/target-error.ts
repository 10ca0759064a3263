/** An access log cannot be opened. `code` is the system's, such as ENOENT or EACCES. */
export class TargetError extends Error {
  override readonly name = "TargetError";
  constructor(
    readonly path: string,
    readonly code: string,
  ) {
    super(`cannot write to ${path}: ${code}`);
  }
}
