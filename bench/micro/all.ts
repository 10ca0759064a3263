import { flowMicros } from "./flow.ts";
import { memoryMicros } from "./memory.ts";
import type { Micro } from "./micro.ts";

/** Every micro-benchmark. */
export const micros: readonly Micro[] = [...flowMicros, ...memoryMicros];
