import { describe } from "bun:test";
import { runEngineContract } from "./contract.ts";
import { engineOf } from "./fixtures/engines.ts";

describe("the uring engine keeps the contract", () => {
  runEngineContract({ newEngine: engineOf("uring"), skip: [] });
});
