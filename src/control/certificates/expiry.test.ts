import { expect, test } from "bun:test";
import { expired, named, server } from "../../../test/fixtures/certificates.ts";
import { validityOf } from "../../config/certificate-pairs.ts";
import { entryOf, type ProxyEvent } from "../../relay/events.ts";
import type { CertificatePair, TlsServerOptions } from "../../transport/tls/server-options.ts";
import { certificatesOf, Expiry } from "./expiry.ts";

const DAY = 86_400_000;
const { until } = validityOf(server.cert);

function pairOf({ cert, key }: typeof server, ...names: string[]): CertificatePair {
  return { cert, key, names, files: { cert: "a.pem", key: "a.key", isNamed: true } };
}

interface Shown {
  readonly name: string;
  readonly options: { readonly tls: TlsServerOptions | null };
}

function shown(name: string, ...certificates: CertificatePair[]): Shown {
  return { name, options: { tls: { certificates } as unknown as TlsServerOptions } };
}

/** What is told of listeners, whose certificates may be replaced. */
function told(...listeners: Shown[]) {
  const lines: string[] = [];
  const on = (event: ProxyEvent) => {
    lines.push(...[entryOf(event).says(event)].flat());
  };
  let now = 0;
  const expiry = new Expiry(
    () => listeners,
    { on, wantsStarts: false },
    () => now,
  );
  const at = (time: number) => {
    now = time;
    expiry.look();
    return lines.splice(0);
  };
  return { at, listeners };
}

test("once each at 30, 7 and 1 days, and when it has expired", () => {
  const { at } = told(shown("door", pairOf(server, "a.test")));
  expect(at(until - 31 * DAY)).toEqual([]);
  const line = "door: the certificate of a.test expires";
  const date = new Date(until).toISOString().slice(0, 10);
  for (const days of [30, 7]) {
    expect(at(until - days * DAY)).toEqual([`${line} in ${days} days, on ${date}`]);
    expect(at(until - days * DAY + 1)).toEqual([]);
    expect(at(until - (days - 1.5) * DAY)).toEqual([]);
  }
  expect(at(until - DAY)).toEqual([`${line} in 1 day, on ${date}`]);
  expect(at(until - 1)).toEqual([]);
  expect(at(until)).toEqual([`door: the certificate of a.test has expired on ${date}`]);
  expect(at(until + 400 * DAY)).toEqual([]);
});

test("one line for a certificate that several listeners show, also after a pause", () => {
  const one = pairOf(server, "a.test");
  const { at } = told(shown("door", one), shown("gate", { ...one }));
  expect(at(until - 3 * DAY)).toHaveLength(1);
  expect(at(until - DAY / 2)).toEqual([expect.stringContaining("expires within a day")]);
});

test("a new certificate is warned of for itself, and the old one not again", () => {
  const old = pairOf(server, "a.test");
  const { at, listeners } = told(shown("door", old));
  expect(at(until - 20 * DAY)).toHaveLength(1);
  listeners[0] = shown("door", old, pairOf(named, "b.test"));
  expect(at(until - 20 * DAY)).toEqual([expect.stringContaining("b.test")]);
});

test("of one that had expired before, the start has told", () => {
  const { at } = told(shown("door", pairOf(expired, "a.test")));
  expect(at(until - 1_000 * DAY)).toEqual([]);
});

test("no certificate, nothing to tell", () => {
  const { at } = told({ name: "door", options: { tls: null } });
  expect(at(until)).toEqual([]);
});

test("certificates are listed once for addresses with one name, by name or file", () => {
  const all = certificatesOf([
    shown("door", pairOf(server, "a.test", "b.test"), pairOf(named)),
    shown("door", pairOf(server, "a.test", "b.test")),
    { name: "plain", options: { tls: null } },
  ]);
  expect(all.map(({ listener, name, names }) => [listener, name, names.length])).toEqual([
    ["door", "a.test", 2],
    ["door", "a.pem", 0],
  ]);
  expect(all[0]?.expiresAt).toBe(until);
});
