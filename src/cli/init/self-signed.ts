import { hostname } from "node:os";
import { hostPattern } from "../../base/host-name-table.ts";

/** How long it is valid: long enough to try things, too short to be forgotten in production. */
const DAYS = 90;
const DAY_MS = 86_400_000;

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
  // Only here, as no start of a proxy needs them; the second one expects the first.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const now = Date.now();
  const own = hostPattern(hostname());
  const names = [...new Set(["localhost", ...(own === null ? [] : [own])])];
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=localhost",
    // Clocks differ.
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + DAYS * DAY_MS),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.SubjectAlternativeNameExtension([
        ...names.map((value) => ({ type: "dns" as const, value })),
        { type: "ip", value: "127.0.0.1" },
        { type: "ip", value: "::1" },
      ]),
    ],
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    cert: `${certificate.toString("pem")}\n`,
    key: `${x509.PemConverter.encode(key, "PRIVATE KEY")}\n`,
  };
}
