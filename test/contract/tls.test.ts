import { describe } from "bun:test";
import type { TlsServerOptions } from "../../src/transport/tls/server-options.ts";
import { server } from "../fixtures/certificates.ts";
import { engineOf } from "../fixtures/engines.ts";
import { runEngineContract } from "./contract.ts";

/** A certificate, and what else is usual. */
const tls: TlsServerOptions = {
  certificates: [
    {
      ...server,
      names: ["localhost"],
      files: { cert: "a.pem", key: "a.key", isNamed: false },
    },
  ],
  verify: "none",
  ca: null,
  caFile: null,
  allow: [],
  minVersion: "1.2",
  ciphers: "",
  alpn: [],
  handshakeTimeoutMs: 10_000,
};

/**
 * What a carrier does otherwise where a client speaks TLS. Steps, admission, routes, rates and mirrors come before or
 * behind that, and see the same bytes: tls-identity.test.ts has them with TLS once.
 */
const isAbout = [
  "bytes",
  "ends",
  "resets",
  "dials",
  "options",
  "stories",
  "modes",
  "memory",
  "shortage",
  "latency",
  "descriptors",
  "stop",
  "hostile",
] as const;

const skip = [
  {
    reason: "TLS has no urgent bytes",
    tests: [
      "an urgent byte arrives in its place, both ways: tcp4",
      "an urgent byte arrives in its place, both ways: unix",
    ],
  },
  {
    reason: "Bun takes a chunk whole where TLS is, so that this crowd does not use up the pool",
    tests: ["an empty pool does not freeze 32 clients that echo 4 MiB each"],
  },
];

describe("the sockets engine keeps the contract where clients' TLS ends", () => {
  runEngineContract({ newEngine: engineOf("sockets"), tls, skip }, isAbout);
});
