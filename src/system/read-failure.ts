/** Why a file cannot be read, in a few words. @param error what the system has thrown */
export function readFailure(error: unknown): string {
  const { code = "unknown error" } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES" || code === "EPERM") return "no permission";
  if (code === "EISDIR") return "it is a directory";
  return code;
}
