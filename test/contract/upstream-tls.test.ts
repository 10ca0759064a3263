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

const skip = [
  {
    reason: "their mirrors are made as upstreams are, and a mirror gets plain text",
    tests: [
      "400 short relays are 400 copies",
      "a client's reset comes behind the last byte",
      "a mirror does not wait for an upstream that keeps silent",
      "a mirror that ends first gets the rest nevertheless",
      "a mirror that never reads holds up nobody, and is given up",
      "a mirror that resets behind an answer is given up, too",
      "a stop at once leaves no copy behind",
      "all copies together have a bound of memory, and relays none of it",
      "an upstream's reset is the mirror's, too",
      "copies go before relays are not accepted",
      "tcp4: a mirror gets every byte, then FIN",
      "tcp4: what a mirror answers is thrown away, however much it is",
      "tcp6: a mirror gets every byte, then FIN",
      "the client's PROXY header is not copied, the one to the upstream is",
      "unix: a mirror gets every byte, then FIN",
      "unix: what a mirror answers is thrown away, however much it is",
      "what a client sends at once is copied whole",
      "what a mirror has not taken at the relay's end is sent afterwards",
    ],
  },
  {
    reason: "they make listeners, processes or upstreams of their own, without TLS",
    tests: [
      "a client is held until an upstream is there",
      "room that a reload brings is for those who wait, before anybody comes",
      "300 clients, 128 descriptors: nobody is lost, nothing spins",
      "an upstream that comes back meanwhile gets the client that tries again",
      "clients of a slow dial: bytes, FIN and RST before it succeeds",
      "a held client gets the upstream that its route has after a reload",
      "64 MiB offered to a client that does not read",
      "64 MiB offered to an upstream that does not read",
      "an address that refuses does not end the attempts beside it",
      "an upstream that it names is found among others, too",
      "another function is for who comes then",
    ],
  },
  {
    reason:
      "their upstreams read the header behind the handshake; upstream-tls.test.ts of the scenarios has it before",
    tests: [
      "an upstream is told of its client, v1",
      "an upstream is told of its client, v2",
      "an upstream is told of name and protocol by a PROXY header",
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
  runEngineContract({ newEngine: engineOf("sockets"), upstreamTls, skip });
});
