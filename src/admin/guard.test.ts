import { describe, expect, test } from "bun:test";
import type { Address } from "../base/address.ts";
import { listenerDefaults } from "../config/defaults.ts";
import type { AdminOptions } from "../config/options.ts";
import { accessOf } from "./access.ts";
import { adminRequest } from "./answer.ts";
import { refusal } from "./guard.ts";

const TOKEN = "0123456789abcdef";
const loopback: Address = { kind: "tcp", host: "127.0.0.1", port: 9600 };

/** The status that a request is refused with; 0 when it may go on. */
function judge(
  method: string,
  headers: Record<string, string>,
  { address = loopback, token = null, readToken = null }: Partial<AdminOptions> = {},
  path = "/api/state",
): number {
  const all = new Headers({ host: "127.0.0.1:9600", ...headers });
  const { signal: gone } = new AbortController();
  const asker = { name: "127.0.0.1", refusal: null, gone, distrust() {} };
  const url = `http://any${path}`;
  const request = adminRequest({ method, headers: all, url, asker, text: async () => "" });
  const options = {
    address,
    token,
    readToken,
    readyWhen: "accepting" as const,
    unix: listenerDefaults.unix,
  };
  const access = accessOf(all, options);
  return refusal(request, access, options, (one) => one === "/")?.status ?? 0;
}

const post = (headers: Record<string, string>) =>
  judge("POST", { "x-ringway": "1", ...headers }, {}, "/api/drain");

test("a plain request goes on", () => {
  expect(judge("GET", {})).toBe(0);
  expect(judge("HEAD", {})).toBe(0);
});

describe("DNS rebinding: the Host is somebody else's", () => {
  test.each(["evil.example", "evil.example:9600", "127.0.0.1.evil.example", "10.0.0.1", "[::2]:1"])(
    "%s",
    (host) => {
      expect(judge("GET", { host })).toBe(403);
      expect(post({ host, origin: `http://${host}` })).toBe(403);
    },
  );

  test.each(["localhost", "LOCALHOST:1", "127.9.9.9", "[::1]:9600"])("%s is our own", (host) => {
    expect(judge("GET", { host })).toBe(0);
  });

  test("the address that was given is, too, and on all addresses every one, but no name", () => {
    const at = (host: string) => ({ address: { kind: "tcp", host, port: 1 } as const });
    expect(judge("GET", { host: "proxy.lan:1" }, at("proxy.lan"))).toBe(0);
    expect(judge("GET", { host: "other.lan:1" }, at("proxy.lan"))).toBe(403);
    expect(judge("GET", { host: "10.1.2.3:1" }, at("10.1.2.3"))).toBe(0);
    expect(judge("GET", { host: "10.1.2.4:1" }, at("10.1.2.3"))).toBe(403);
    expect(judge("GET", { host: "10.1.2.4:1" }, at("0.0.0.0"))).toBe(0);
    expect(judge("GET", { host: "[fe80::1]:1" }, at("::"))).toBe(0);
    expect(judge("GET", { host: "evil.example" }, at("::"))).toBe(403);
  });

  test("probes may call it what they like, and get no page", () => {
    const host = "proxy1.lan:9600";
    for (const path of ["/healthz", "/readyz"]) expect(judge("GET", { host }, {}, path)).toBe(0);
    expect(judge("GET", { host }, {}, "/")).toBe(403);
  });

  test("of a unix socket no Host matters, as no browser gets there", () => {
    expect(judge("GET", { host: "any" }, { address: { kind: "unix", path: "/a" } })).toBe(0);
  });
});

describe("requests that another site makes a browser send", () => {
  test.each(["cross-site", "same-site", "something"])("Sec-Fetch-Site: %s", (site) => {
    expect(judge("GET", { "sec-fetch-site": site })).toBe(403);
    expect(judge("GET", { "sec-fetch-site": site }, {}, "/")).toBe(403);
    expect(post({ "sec-fetch-site": site })).toBe(403);
  });

  test("a frame, an image or a script of the page", () => {
    for (const dest of ["iframe", "image", "script", "object"]) {
      const headers = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
      expect(judge("GET", { ...headers, "sec-fetch-dest": dest }, {}, "/")).toBe(403);
    }
  });

  test("a link to the page may be followed, and to nothing else", () => {
    const headers = {
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    };
    expect(judge("GET", headers, {}, "/")).toBe(0);
    expect(judge("GET", headers, {}, "/api/state")).toBe(403);
    expect(judge("POST", { ...headers, "x-ringway": "1" }, {}, "/")).toBe(403);
  });

  test("our own page, and what a person types", () => {
    for (const site of ["same-origin", "none"]) {
      expect(judge("GET", { "sec-fetch-site": site })).toBe(0);
      expect(post({ "sec-fetch-site": site })).toBe(0);
    }
  });
});

describe("state changes", () => {
  test.each(["POST", "DELETE", "PUT", "PATCH", "OPTIONS"])("a plain %s, as a form's", (method) => {
    expect(judge(method, {})).toBe(415);
  });

  test.each(["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""])(
    "Content-Type: %s, which no browser asks about first",
    (type) => {
      expect(judge("POST", { "content-type": type })).toBe(415);
      expect(judge("POST", { "content-type": `${type}; a=application/json` })).toBe(415);
    },
  );

  test("X-Ringway or JSON", () => {
    expect(post({})).toBe(0);
    expect(judge("POST", { "content-type": "application/json" })).toBe(0);
    expect(judge("POST", { "content-type": "Application/JSON; charset=utf-8" })).toBe(0);
    expect(judge("POST", { "x-ringway": "0" })).toBe(415);
  });

  test.each([
    "http://evil.example",
    "null",
    "http://127.0.0.1:9601",
    "http://127.0.0.1",
    "https://127.0.0.1:9600",
    "http://localhost:9600",
    "http://127.0.0.1:9600.evil.example",
    "",
  ])("the Origin %s", (origin) => {
    expect(post({ origin })).toBe(403);
  });

  test("our own Origin", () => {
    expect(post({ origin: "http://127.0.0.1:9600" })).toBe(0);
    expect(post({ host: "LocalHost:9600", origin: "http://localhost:9600" })).toBe(0);
  });
});

describe("the token", () => {
  const ask = (authorization?: string, path?: string) =>
    judge("GET", authorization === undefined ? {} : { authorization }, { token: TOKEN }, path);

  test("is wanted of everything that is not open", () => {
    expect(ask()).toBe(401);
    expect(ask(undefined, "/nothing")).toBe(401);
    expect(ask(undefined, "/")).toBe(0);
    expect(ask(`Bearer ${TOKEN}`)).toBe(0);
    expect(ask(`bearer ${TOKEN}`)).toBe(0);
  });

  test.each([
    "",
    "Bearer",
    "Bearer ",
    `Bearer ${TOKEN}0`,
    `Bearer ${TOKEN.slice(1)}`,
    `Bearer ${TOKEN.toUpperCase()}`,
    `Bearer ${TOKEN} ${TOKEN}`,
    `Basic ${TOKEN}`,
    TOKEN,
  ])("not %p", (authorization) => {
    expect(ask(authorization)).toBe(401);
  });

  test("makes up for a Host that is not known here, but not for an Origin", () => {
    const host = "proxy1.lan:9600";
    const known = { authorization: `Bearer ${TOKEN}`, host };
    expect(judge("GET", known, { token: TOKEN })).toBe(0);
    expect(judge("GET", { ...known, authorization: "Bearer no" }, { token: TOKEN })).toBe(403);
    expect(judge("GET", known)).toBe(403);
    const headers = { ...known, "x-ringway": "1", origin: "http://evil.example" };
    expect(judge("POST", headers, { token: TOKEN })).toBe(403);
    expect(judge("GET", { ...known, "sec-fetch-site": "cross-site" }, { token: TOKEN })).toBe(403);
  });
});

describe("the token of those who only look", () => {
  const READ = "abcdef0123456789";
  const tokens = { token: TOKEN, readToken: READ };
  const ask = (method: string, shown: string, path = "/api/state") =>
    judge(method, { "x-ringway": "1", authorization: `Bearer ${shown}` }, tokens, path);

  test("lets them look at everything", () => {
    for (const path of ["/api/state", "/api/relays", "/metrics", "/"]) {
      for (const method of ["GET", "HEAD"]) expect(ask(method, READ, path)).toBe(0);
    }
  });

  test.each(["POST", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "get"])(
    "and do nothing: %s",
    (method) => {
      expect(ask(method, READ)).toBe(403);
      expect(ask(method, TOKEN)).toBe(0);
    },
  );

  test("is none where there is none", () => {
    const none = { token: TOKEN, readToken: null };
    for (const shown of ["", "null", "none", READ]) {
      const headers = { authorization: `Bearer ${shown}` };
      expect(judge("GET", headers, none)).toBe(401);
    }
  });
});
