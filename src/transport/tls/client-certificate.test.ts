import { describe, expect, test } from "bun:test";
import type { PeerCertificate } from "node:tls";
import { clientOf, isAllowed, isInTime } from "./client-certificate.ts";

const FINGERPRINT = "AB:CD";

function certificate(parts: Partial<PeerCertificate>): PeerCertificate {
  return { fingerprint256: FINGERPRINT, ...parts } as PeerCertificate;
}

const subject = (CN: unknown) => ({ CN }) as PeerCertificate["subject"];

describe("who a client is", () => {
  test("without a certificate nobody", () => {
    expect(clientOf(undefined)).toBeNull();
    expect(clientOf({} as PeerCertificate)).toBeNull();
  });

  test.each([
    [
      "DNS:a.example, URI:spiffe://x/y, email:m@x.example",
      ["a.example", "spiffe://x/y", "m@x.example"],
    ],
    ["IP Address:10.0.0.1, DNS:a.example", ["a.example"]],
    ["", []],
    // One name with a comma, as Node and Bun write it, is no second name.
    ['DNS:"a.example, DNS:root.example"', ["a.example, DNS:root.example"]],
    ['DNS:"a\\"b", DNS:c', ['a"b', "c"]],
    ['DNS:"broken', []],
  ])("%j", (subjectaltname, names) => {
    expect(clientOf(certificate({ subjectaltname, subject: subject("me") }))).toEqual({
      commonName: "me",
      names,
      fingerprint: FINGERPRINT,
    });
  });

  test("more than a relay should keep is cut", () => {
    const subjectaltname = Array.from({ length: 100 }, (_, i) => `DNS:n${i}`).join(", ");
    const client = clientOf(certificate({ subjectaltname, subject: subject("x".repeat(1_000)) }));
    expect(client?.names).toHaveLength(16);
    expect(client?.commonName).toHaveLength(255);
    expect(clientOf(certificate({ subjectaltname: `DNS:${"x".repeat(300)}` }))?.names).toEqual([]);
  });

  test("several common names are none", () => {
    expect(clientOf(certificate({ subject: subject(["a", "b"]) }))?.commonName).toBeNull();
  });
});

describe("which names are allowed", () => {
  const client = { commonName: "Me", names: ["a.example", "spiffe://x/team/app"], fingerprint: "" };

  test.each([
    [[], true],
    [["me"], true],
    [["ME"], true],
    [["m"], false],
    [["*"], true],
    [["*.example"], true],
    [["*.example.org"], false],
    [["a.*"], true],
    [["spiffe://x/*"], true],
    [["spiffe://x/*/app"], true],
    [["spiffe://x/*/team/app"], false],
    [["spiffe://y/*", "a.example"], true],
    [["a.example*a.example"], false],
    [["a*e*e"], true],
    [["a.exampl"], false],
  ])("%j: %p", (patterns, isRight) => {
    expect(isAllowed(client, patterns as string[])).toBe(isRight);
  });

  test("a certificate without a name has none of the allowed ones", () => {
    expect(isAllowed({ commonName: null, names: [], fingerprint: "" }, ["*"])).toBe(false);
  });

  test("a hostile name costs a step per character and star", () => {
    const long = { commonName: "a".repeat(255), names: [], fingerprint: "" };
    expect(isAllowed(long, [`${"*a".repeat(120)}*b`])).toBe(false);
  });
});

test("a certificate is valid between two times, and never without them", () => {
  const one = certificate({
    valid_from: "Jan  1 00:00:00 2026 GMT",
    valid_to: "Feb  1 00:00:00 2026 GMT",
  });
  const at = (text: string) => isInTime(one, Date.parse(text));
  expect(at("2026-01-15")).toBe(true);
  expect(at("2025-12-31")).toBe(false);
  expect(at("2026-02-02")).toBe(false);
  expect(isInTime(certificate({}), Date.now())).toBe(false);
});
