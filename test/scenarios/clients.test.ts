import { describe } from "bun:test";
import { calmCases } from "../clients/calm.ts";
import { bunRedis, fetchKeepAlive, ioredis } from "../clients/kinds.ts";
import { stormCases } from "../clients/storm.ts";

describe.each([bunRedis, ioredis, fetchKeepAlive])("$name", (kind) => {
  calmCases(kind);
  stormCases(kind);
});
