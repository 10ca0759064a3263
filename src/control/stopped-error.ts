import { NOT_APPLIED } from "./not-applied.ts";

/** A reload was refused because the proxy stops or has stopped. */
export class StoppedError extends Error {
  override readonly name = "StoppedError";
  constructor() {
    super(`the proxy stops: ${NOT_APPLIED}`);
  }
}
