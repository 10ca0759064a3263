import { Pool } from "../../src/memory/pool.ts";
import { Ring } from "../../src/memory/ring.ts";
import type { Micro } from "./micro.ts";

const SEGMENT = 64 * 1024;
const COUNT = 64;
/** What a slow target leaves over of a chunk: a segment and a half. */
const REST = new Uint8Array(SEGMENT + SEGMENT / 2).fill(7);

const pool = new Pool(SEGMENT, COUNT);
const ring = new Ring(pool, COUNT);

/** Segments, and the queue of them: what a flow goes through when its target is slow. */
export const memoryMicros: readonly Micro[] = [
  {
    name: "pool: lease and release a segment",
    expected: 65_536_000,
    run(count) {
      let bytes = 0;
      for (let i = 0; i < count; i++) {
        const index = pool.lease();
        bytes += pool.view(index).length;
        pool.release(index);
      }
      return bytes;
    },
  },
  {
    name: "pool: lease 32 segments, release them",
    expected: 32_000,
    run(count) {
      const held = new Uint32Array(32);
      let leased = 0;
      for (let i = 0; i < count; i++) {
        for (let n = 0; n < held.length; n++) held[n] = pool.lease();
        leased += pool.leased;
        for (const index of held) pool.release(index);
      }
      return leased;
    },
  },
  {
    name: "ring: push a segment, consume it in two parts",
    expected: 512_000,
    run(count) {
      let bytes = 0;
      for (let i = 0; i < count; i++) {
        const index = pool.lease();
        pool.end[index] = 512;
        ring.push(index);
        ring.consume(256);
        bytes += 256 + ring.size;
        ring.consume(256);
      }
      return bytes;
    },
  },
  {
    name: "ring: append 96 KiB, consume it",
    expected: 98_304_000,
    run(count) {
      let bytes = 0;
      for (let i = 0; i < count; i++) {
        bytes += ring.append(REST, 0);
        while (ring.count > 0) ring.consume(ring.firstSize);
      }
      return bytes;
    },
  },
];
