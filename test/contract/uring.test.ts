import { describe } from "bun:test";
import { engineOf } from "../fixtures/engines.ts";
import { runEngineContract } from "./contract.ts";

describe("the uring engine keeps the contract", () => {
  runEngineContract({ newEngine: engineOf("uring"), skip: [] });
});
