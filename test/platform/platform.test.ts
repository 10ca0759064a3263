import { describe, setDefaultTimeout } from "bun:test";
import { connectFacts, optionFacts } from "./connecting.ts";
import { closeFacts, finFacts, resetFacts, throwFacts, writeFacts } from "./ends.ts";
import { listenerFacts, processFacts } from "./listening.ts";
import { chunkFacts, passFacts, pauseFacts } from "./receiving.ts";
import { tlsFacts } from "./tls.ts";
import { upstreamTlsFacts } from "./upstream-tls.ts";

// Longer than any bounded wait, so that it is the wait which says what did not happen.
setDefaultTimeout(20_000);

/**
 * What the sockets engine relies on and Bun's documentation does not promise: plain Bun, nothing of
 * ringway. A case that fails after an upgrade of Bun names what src/engine/sockets/ lacks.
 */
describe("Bun's sockets", () => {
  describe("a data chunk", chunkFacts);
  describe("pause", pauseFacts);
  describe("a pass of the loop", passFacts);
  describe("write", writeFacts);
  describe("half-close", finFacts);
  describe("close", closeFacts);
  describe("RST", resetFacts);
  describe("handlers", throwFacts);
  describe("a connect", connectFacts);
  describe("a socket's options", optionFacts);
  describe("a listener", listenerFacts);
  describe("TLS", tlsFacts);
  describe("TLS that begins here", upstreamTlsFacts);
  describe("a process", processFacts);
});
