import { certificatePairs, shownPair } from "../certificate-pairs.ts";
import { certificates, privateKey } from "../pem-file.ts";
import { ciphers, namePatterns, orNone, protocols } from "../tls-rules.ts";
import { perSecond } from "./entering.ts";
import {
  duration,
  joined,
  secretBy,
  tablesOrText,
  textBy,
  textOrTexts,
  textsBy,
  word,
} from "./kind.ts";
import { perListener } from "./setting.ts";

const text = { type: "string" };
const pairsForm = tablesOrText({ cert: text, key: text, names: textOrTexts }, ["cert", "key"]);

/** The TLS of clients, if it ends here. */
export const endingTls = {
  tlsCert: perListener({
    is: secretBy(orNone(certificates), "FILE"),
    about: "End the clients' TLS with this certificate and those that lead to its authority (PEM).",
    more: "With none, a listener does not use the one at the top. Such listeners run on the sockets engine. Certificates, keys and authorities are read again whenever their files change: new clients get the new one, and connections go on.",
    initial: "none",
  }),
  tlsKey: perListener({
    is: secretBy(orNone(privateKey), "FILE"),
    about: "A file with the key of tlsCert, without a passphrase (PEM).",
    initial: "none",
  }),
  tlsCertificates: perListener({
    is: {
      rule: certificatePairs,
      form: pairsForm,
      type: 'string | readonly CertificateConfig[] | "off" | false',
      hint: "PAIRS",
      show: (pairs) => joined(pairs.map(shownPair)),
    },
    about: "Several certificates, chosen by the host name that the client asks for (SNI).",
    more: "Tables with cert, key and names, or a text such as a.pem+a.key,b.pem+b.key. Names come from the certificate unless given. An exact name goes before a wildcard. Clients that ask for another name, or for none, get the first certificate, which is tlsCert if there is one.",
    initial: "off",
    at: "tls.certificates",
  }),
  tlsVerify: perListener({
    is: word(["none", "optional", "required"], "WHAT"),
    about: "Whether clients must prove who they are with a certificate.",
    more: "With optional, a client may show none, but not a wrong one. There are no revocation lists.",
    initial: "none",
    at: "tls.verify",
  }),
  tlsCa: perListener({
    is: secretBy(orNone(certificates), "FILE"),
    about: "A file with the authorities of clients' certificates (PEM), for tlsVerify.",
    initial: "none",
    at: "tls.ca",
  }),
  tlsAllow: perListener({
    is: textsBy(namePatterns, "NAMES", joined),
    about: "Names that a client's certificate must have one of, such as *.apps.example.org.",
    more: "Compared with the common name, DNS names, URIs and mail addresses. * stands for any characters. Separated by commas, or a list.",
    initial: "none",
    at: "tls.allow",
  }),
  tlsMinVersion: perListener({
    is: word(["1.2", "1.3"], "VERSION"),
    about: "The lowest version of TLS that is accepted.",
    initial: "1.2",
    at: "tls.minVersion",
  }),
  tlsCiphers: perListener({
    is: textBy(ciphers, "LIST", (list) => list || "none"),
    about: "Cipher suites for TLS 1.2, as OpenSSL writes them; none for those built in.",
    more: "Those of TLS 1.3 are fixed.",
    initial: "none",
    at: "tls.ciphers",
  }),
  tlsAlpn: perListener({
    is: textBy(protocols, "WORDS", joined),
    about:
      "Application protocols to agree on (ALPN), the preferred one first, such as h2,http/1.1.",
    more: "A client that offers only others gets an alert.",
    initial: "none",
    at: "tls.alpn",
  }),
  startTls: perListener({
    is: word(["off", "postgres"], "WHAT"),
    about: "How clients ask for TLS before it begins.",
    more: "With postgres, ringway answers Postgres' request for TLS itself: it agrees where TLS ends here, and then a client without is refused, but for requests to cancel; else it declines, and the client decides. Clients that begin with TLS at once are taken, too. Not for a listener whose clients speak TLS with the upstream.",
    initial: "off",
    at: "edge.startTls",
  }),
  tlsHandshakeTimeout: perListener({
    is: duration("10ms…1h"),
    about: "The TLS handshake must be complete within this time.",
    initial: "10s",
    at: "tls.handshakeTimeoutMs",
  }),
  tlsHandshakeRate: perListener({
    is: perSecond,
    about: "The most TLS handshakes per second, in all workers together.",
    more: "Clients beyond that are refused before a key is used for them (tls_handshake_rate). After a rest, a second's worth may come at once.",
    initial: "off",
    at: "edge.tlsHandshakeRate",
  }),
  tlsClientHandshakeRate: perListener({
    is: perSecond,
    about: "The most TLS handshakes per second of one client.",
    more: "Likewise (tls_client_handshake_rate).",
    initial: "off",
    at: "edge.tlsClientHandshakeRate",
  }),
};
