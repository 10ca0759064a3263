import { NOT_APPLIED } from "./not-applied.ts";

/** A proxy that stops, or has stopped, is not brought to another configuration. */
export class StoppedError extends Error {
  override readonly name = "StoppedError";
  constructor() {
    super(`the proxy stops: ${NOT_APPLIED}`);
  }
}
