import { certificates, privateKey } from "../pem-file.ts";
import { nameOfTls, orNone, protocols } from "../tls-rules.ts";
import { joined, onOff, secretBy, textBy, word } from "./kind.ts";
import { perListener, perUpstream } from "./setting.ts";

/** TLS to upstreams. */
export const beginningTls = {
  upstreamTls: perListener({
    is: onOff,
    about: "Speak TLS to upstreams.",
    more: "The certificate must be valid, signed by a trusted authority, and issued for the upstream's host. Health checks do the same unless checkTls says otherwise. Such listeners run on the sockets engine. For one upstream alone write tls://host:port.",
    initial: "off",
  }),
  upstreamTlsName: perListener({
    is: textBy(orNone(nameOfTls), "NAME"),
    about: "The name that the upstream's certificate must be issued for, instead of its host.",
    more: "It is also sent as SNI.",
    initial: "none",
    at: "upstreamTls.serverName",
  }),
  upstreamTlsVerify: perListener({
    is: onOff,
    about: "Whether the upstream's certificate is verified.",
    more: "With off, whoever is between ringway and the upstream can read and change everything.",
    initial: "on",
    at: "upstreamTls.verify",
  }),
  upstreamTlsCa: perListener({
    is: secretBy(orNone(certificates), "FILE"),
    about: "A file of authorities that upstreams' certificates may be signed by (PEM).",
    more: "They replace those built in. Read again at each reload.",
    initial: "none",
    at: "upstreamTls.ca",
  }),
  upstreamTlsCert: perListener({
    is: secretBy(orNone(certificates), "FILE"),
    about: "A file with the certificate that ringway shows upstreams that ask for one (PEM).",
    initial: "none",
  }),
  upstreamTlsKey: perListener({
    is: secretBy(orNone(privateKey), "FILE"),
    about: "A file with its key, without a passphrase (PEM).",
    initial: "none",
  }),
  upstreamTlsAlpn: perListener({
    is: textBy(protocols, "WORDS", joined),
    about: "Protocols to offer upstreams by ALPN, such as h2,http/1.1.",
    initial: "none",
    at: "upstreamTls.alpn",
  }),
  upstreamStartTls: perListener({
    is: word(["off", "postgres"], "WHAT"),
    about: "How an upstream is asked for TLS before it begins.",
    more: "With postgres, ringway sends Postgres' request for TLS and goes on once the server agrees. PostgreSQL 17 and later also begin at once, with upstreamTlsAlpn postgresql.",
    initial: "off",
    at: "upstreamTls.startTls",
  }),
};

/** The same of one upstream. */
export const ownBeginningTls = {
  upstreamTls: perUpstream({
    is: onOff,
    about: "Speak TLS to it, or not; instead of its listener's upstreamTls.",
    more: "tls://host:port says the same as on. The other settings of TLS are its listener's.",
  }),
  upstreamTlsName: perUpstream({
    is: textBy(nameOfTls, "NAME"),
    about: "The name that its certificate must be issued for; instead of its listener's.",
  }),
};
