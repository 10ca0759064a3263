import { describe } from "bun:test";
import type { TlsServerOptions } from "../../src/transport/tls/server-options.ts";
import { server } from "../fixtures/certificates.ts";
import { engineOf } from "../fixtures/engines.ts";
import { runEngineContract } from "./contract.ts";

/** A certificate, and what else is usual. */
const tls: TlsServerOptions = {
  certificates: [{ ...server, names: ["localhost"] }],
  verify: "none",
  ca: null,
  allow: [],
  minVersion: "1.2",
  ciphers: "",
  alpn: [],
  handshakeTimeoutMs: 10_000,
};

describe("the sockets engine keeps the contract where clients' TLS ends", () => {
  runEngineContract({ newEngine: engineOf("sockets"), tls, skip: [] });
});
