import { describe } from "bun:test";
import type { TlsClientOptions } from "../../src/transport/tls/client-options.ts";
import { authority } from "../fixtures/certificates.ts";
import { engineOf } from "../fixtures/engines.ts";
import { runEngineContract } from "./contract.ts";

/** The certificate of all upstreams is for this name, wherever they listen. */
const upstreamTls: TlsClientOptions = {
  serverName: "localhost",
  verify: true,
  ca: authority.cert,
  identity: null,
  alpn: [],
  startTls: "off",
};

const skip: { reason: string; tests: string[] }[] = [];

describe("the sockets engine keeps the contract where TLS to upstreams begins", () => {
  runEngineContract({ newEngine: engineOf("sockets"), upstreamTls, skip });
});
