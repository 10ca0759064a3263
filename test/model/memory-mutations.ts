import type { Mutation } from "./mutant.ts";

export const poolMutations: readonly Mutation[] = [
  {
    what: "the count is no cap",
    find: 'assert(this.leased < this.count, "lease: a segment is available");\n',
    replace: "",
  },
  {
    what: "a segment is released twice",
    find: 'assert(this.out[index] === 1, "release: the segment is leased");\n',
    replace: "",
  },
  {
    what: "a slab for every lease",
    find: "if (this.freeCount === 0) this.addSlab();",
    replace: "if (this.views.length < this.count) this.addSlab();",
  },
  {
    what: "the free segment stays free",
    find: "this.freeStack[--this.freeCount]",
    replace: "this.freeStack[this.freeCount - 1]",
  },
  { what: "a lease is not noted", find: "this.out[index] = 1;", replace: "" },
  { what: "a lease is not counted", find: "this.leased++;", replace: "" },
  { what: "the most is the last", find: "if (this.leased > this.leasedMax) ", replace: "" },
  { what: "the start of the last tenant", find: "this.start[index] = 0;\n", replace: "" },
  { what: "the end of the last tenant", find: "this.end[index] = 0;\n", replace: "" },
  { what: "a release is not noted", find: "this.out[index] = 0;", replace: "" },
  { what: "a release is not counted", find: "this.leased--;", replace: "" },
  {
    what: "a released segment is lost",
    find: "this.freeStack[this.freeCount++] = index;",
    replace: "",
  },
  {
    what: "the last slab is a whole one",
    find: "Math.min(most, this.count - first)",
    replace: "most",
  },
  {
    what: "views overlap",
    find: "new Uint8Array(slab, i * this.size, this.size)",
    replace: "new Uint8Array(slab, i * (this.size - 1), this.size)",
  },
  {
    what: "every view is the first",
    find: "new Uint8Array(slab, i * this.size, this.size)",
    replace: "new Uint8Array(slab, 0, this.size)",
  },
  {
    what: "the second slab names the segments of the first",
    find: "= first + i;",
    replace: "= i;",
  },
  { what: "slabs are not told", find: "this.onSlab(this.bytes);", replace: "" },
];

export const ringMutations: readonly Mutation[] = [
  {
    what: "push: over the head",
    find: "if (tail >= this.capacity) tail -= this.capacity;\n",
    replace: "",
  },
  {
    what: "push: wraps too late",
    find: "if (tail >= this.capacity) tail",
    replace: "if (tail > this.capacity) tail",
  },
  { what: "push: not counted", find: "this.count++;", replace: "" },
  {
    what: "push: its bytes are not counted",
    find: "this.size += (this.pool.end[index] as number) - (this.pool.start[index] as number);",
    replace: "",
  },
  {
    what: "push: counts what lies before its start",
    find: "this.size += (this.pool.end[index] as number) - (this.pool.start[index] as number);",
    replace: "this.size += this.pool.end[index] as number;",
  },
  { what: "append: ignores the offset", find: "let at = offset;", replace: "let at = 0;" },
  { what: "append: does not see the empty pool", find: "pool.available > 0 && ", replace: "" },
  {
    what: "append: does not see the full ring",
    find: "&& this.count < this.capacity) {",
    replace: ") {",
  },
  {
    what: "append: copies from the beginning",
    find: "bytes.subarray(at, at + length)",
    replace: "bytes.subarray(0, length)",
  },
  {
    what: "append: does not say where the bytes end",
    find: "pool.end[index] = length;",
    replace: "pool.end[index] = pool.size;",
  },
  {
    what: "append: says where it stopped, not how much it took",
    find: "return at - offset;",
    replace: "return at;",
  },
  {
    what: "append: only one segment",
    find: "at += length;\n    }",
    replace: "at += length;\n      break;\n    }",
  },
  { what: "consume: the start stays", find: "this.pool.start[index] = start;", replace: "" },
  { what: "consume: the size stays", find: "this.size -= size;", replace: "" },
  {
    what: "consume: the empty segment stays",
    find: "if (start === this.pool.end[index]) this.shift();",
    replace: "",
  },
  {
    what: "consume: releases a segment that holds bytes",
    find: "if (start === this.pool.end[index]) this.shift();",
    replace: "this.shift();",
  },
  {
    what: "clear: keeps one",
    find: "while (this.count > 0) this.shift();",
    replace: "while (this.count > 1) this.shift();",
  },
  {
    what: "clear: the size stays",
    find: "this.shift();\n    this.size = 0;",
    replace: "this.shift();",
  },
  { what: "shift: leaks", find: "this.pool.release(this.first());", replace: "" },
  { what: "shift: not counted", find: "this.count--;", replace: "" },
  { what: "shift: the head stays", find: "this.head++;", replace: "" },
  {
    what: "shift: the head does not wrap",
    find: "if (this.head === this.capacity) this.head = 0;",
    replace: "",
  },
];
