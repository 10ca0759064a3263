import { hostname } from "node:os";
import { hostPattern } from "../../base/host-name-table.ts";

/** How long it is valid: long enough to try things, too short to be forgotten in production. */
const DAYS = 90;
const DAY_MS = 86_400_000;

/** What node-forge calls the kinds of names: GeneralName of RFC 5280. */
enum NameType {
  Dns = 2,
  Ip = 7,
}

/** A certificate and its private key (PEM). */
export interface SelfSigned {
  readonly cert: string;
  readonly key: string;
}

/**
 * Makes a certificate that is its own authority, for this machine: its names are `localhost`, the machine's own, and
 * the loopback addresses. Clients must be told to trust it.
 */
export async function selfSigned(): Promise<SelfSigned> {
  // Only here, as no start of a proxy needs it.
  const { default: forge } = await import("node-forge");
  const { generateKeyPairSync, randomBytes } = process.getBuiltinModule("node:crypto");
  // The library's own keys would take seconds.
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2_048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const own = hostPattern(hostname());
  const names = [...new Set(["localhost", ...(own === null ? [] : [own])])];
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  // Positive, as RFC 5280 wants it.
  certificate.serialNumber = `01${randomBytes(15).toString("hex")}`;
  const now = Date.now();
  // Clocks differ.
  certificate.validity.notBefore = new Date(now - DAY_MS);
  certificate.validity.notAfter = new Date(now + DAYS * DAY_MS);
  const subject = [{ name: "commonName", value: "localhost" }];
  certificate.setSubject(subject);
  certificate.setIssuer(subject);
  certificate.setExtensions([
    { name: "basicConstraints", cA: true, critical: true },
    {
      name: "subjectAltName",
      altNames: [
        ...names.map((value) => ({ type: NameType.Dns, value })),
        ...["127.0.0.1", "::1"].map((ip) => ({ type: NameType.Ip, ip })),
      ],
    },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(privateKey), forge.md.sha256.create());
  return {
    cert: forge.pki.certificateToPem(certificate).replaceAll("\r\n", "\n"),
    key: privateKey,
  };
}
