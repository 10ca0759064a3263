import { expect, test } from "bun:test";
import { expired, future, named, server } from "../../test/fixtures/certificates.ts";
import { listener } from "../../test/fixtures/options.ts";
import { namesIn } from "../config/certificate-pairs.ts";
import { nameRoutes } from "../config/name-routes.ts";
import type { WantedListener } from "../config/options.ts";
import type { TlsServerOptions } from "../transport/tls/server-options.ts";
import { tlsWarnings } from "./tls-warnings.ts";

type Pair = TlsServerOptions["certificates"][number];

const pairOf = ({ cert, key }: typeof server, names = namesIn(cert)): Pair => ({
  cert,
  key,
  names,
});

function warned(certificates: readonly Pair[], options: Partial<WantedListener> = {}): string {
  const tls: TlsServerOptions = {
    certificates,
    verify: "none",
    ca: null,
    allow: [],
    minVersion: "1.2",
    ciphers: "",
    alpn: [],
    handshakeTimeoutMs: 10_000,
  };
  const one = { ...listener({ tls }), name: "door", engine: "auto", ...options } as WantedListener;
  return tlsWarnings([one, one]).join("\n");
}

test("of what is right nothing is told", () => {
  expect(warned([pairOf(server)])).toBe("");
  expect(tlsWarnings([{ ...listener({}), engine: "auto" } as WantedListener])).toEqual([]);
});

test("certificates that are not valid now", () => {
  expect(warned([pairOf(expired, [])])).toMatch(
    /^listener door: the certificate of .+ has expired on \d{4}-\d\d-\d\d$/,
  );
  expect(warned([pairOf(server), pairOf(future, [])])).toMatch(/is not valid before \d{4}-/);
});

test("names that a certificate is not issued for", () => {
  expect(warned([pairOf(server, ["localhost", "other.test"])])).toMatch(
    /not issued for other.test/,
  );
  expect(warned([pairOf(server, ["*.localhost"])])).toMatch(/not issued for \*\.localhost/);
});

test("names of routes that no certificate covers", () => {
  const routes = nameRoutes("localhost=10.0.0.1:1,nobody.test=10.0.0.1:1,default=refuse");
  expect(warned([pairOf(server), pairOf(named)], { routes })).toBe(
    "listener door: no certificate covers nobody.test",
  );
});

test("a mirror that gets nothing", () => {
  const address = { kind: "tcp", host: "10.0.0.9", port: 1 } as const;
  const mirror = { address, bufferSize: 4_096, percent: 100 };
  expect(warned([pairOf(server)], { mirror })).toMatch(/10\.0\.0\.9:1 gets no copies/);
  expect(warned([pairOf(server)], { mirror: { ...mirror, plainText: true } })).toBe("");
});
