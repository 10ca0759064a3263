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

const skip = [
  {
    reason: "their clients send the header inside of TLS; tls-identity.test.ts has it before",
    tests: [
      "a PROXY header, version 1, and bytes right behind it",
      "a PROXY header, version 2, and bytes right behind it",
      "the same byte by byte, version 1",
      "the same byte by byte, version 2",
      "1 MiB right behind the header arrives whole",
      "whoever leaves before its header is whole",
      "a header is optional from those who are trusted",
      "and of what its PROXY header says",
      "behind a PROXY header it says who has connected, too",
      "the client's PROXY header is not copied, the one to the upstream is",
    ],
  },
  {
    reason: "TLS has no urgent bytes",
    tests: [
      "an urgent byte arrives in its place, both ways: tcp4",
      "an urgent byte arrives in its place, both ways: unix",
    ],
  },
  {
    reason: "it compares all that is known of a connection that says nothing of TLS",
    tests: ["a function is told of its connection"],
  },
  {
    reason: "Bun takes a chunk whole where TLS is, so that this crowd does not use up the pool",
    tests: ["an empty pool does not freeze 32 clients that echo 4 MiB each"],
  },
];

describe("the sockets engine keeps the contract where clients' TLS ends", () => {
  runEngineContract({ newEngine: engineOf("sockets"), tls, skip });
});
