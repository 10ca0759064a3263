/** What becomes of an error that a handler has thrown: it is a defect of ringway. */
export type OnDefect = (error: Error) => void;

/** Bun hands what a handler throws to `error`. It is a defect of ringway: it must not be swallowed. */
export function throwUncaught(error: Error): void {
  queueMicrotask(() => {
    throw error;
  });
}
