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

/** What a carrier does otherwise where an upstream speaks TLS: it dials, carries and ends. */
const isAbout = [
  "bytes",
  "ends",
  "resets",
  "dials",
  "names",
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
    reason: "they make listeners, processes or upstreams of their own, without TLS",
    tests: [
      "an upstream that comes back meanwhile gets the client that tries again",
      "300 clients, 128 descriptors: nobody is lost, nothing spins",
      "clients of a slow dial: bytes, FIN and RST before it succeeds",
      "64 MiB offered to a client that does not read",
      "64 MiB offered to an upstream that does not read",
      "an address that refuses does not end the attempts beside it",
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
    reason: "their clients also speak with the upstream directly, without TLS",
    tests: [
      "16 KiB in 1 writes, 200 times there and back, without stalls",
      "16 KiB in 4 writes, 200 times there and back, without stalls",
    ],
  },
];

describe("the sockets engine keeps the contract where TLS to upstreams begins", () => {
  runEngineContract({ newEngine: engineOf("sockets"), upstreamTls, skip }, isAbout);
});
