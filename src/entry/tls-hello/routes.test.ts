import { describe, expect, test } from "bun:test";
import { plainUpstream } from "../../config/listeners.ts";
import { nameRoutes } from "../../config/name-routes.ts";
import { type Hello, plainHello } from "./hello.ts";
import { RouteTable, upstreamsOf } from "./routes.ts";

const tls = (name: string | null, ...alpn: string[]): Hello => {
  return { isTls: true, name, alpn, versions: ["1.3"] };
};

/** The label of a client's route. */
function labelIn(text: string, hello: Hello): string | null {
  return new RouteTable(nameRoutes(text)).find(hello)?.label ?? null;
}

describe("a client's route", () => {
  const all =
    "alpn:acme-tls/1,*.example.org,a.example.org,a.example.org+alpn:h2,*.b.example.org+alpn:h3,plain,default";
  test.each([
    [tls("a.example.org"), "a.example.org"],
    [tls("A.EXAMPLE.ORG."), "a.example.org"],
    [tls("a.example.org", "http/1.1"), "a.example.org"],
    [tls("a.example.org", "http/1.1", "h2"), "a.example.org alpn:h2"],
    [tls("a.example.org", "acme-tls/1"), "a.example.org"],
    [tls("c.example.org"), "*.example.org"],
    [tls("c.b.example.org"), "*.example.org"],
    [tls("c.b.example.org", "h3"), "*.b.example.org alpn:h3"],
    [tls("other.test", "acme-tls/1"), "alpn:acme-tls/1"],
    [tls(null, "acme-tls/1"), "alpn:acme-tls/1"],
    [tls("other.test"), "default"],
    [tls(null), "default"],
    [plainHello, "plain"],
  ])("%j takes %j", (hello, label) => {
    expect(labelIn(all, hello)).toBe(label);
  });

  test("may be none", () => {
    for (const hello of [tls("b.test"), tls(null), tls("a.test", "h3"), plainHello]) {
      expect(labelIn("a.test+alpn:h2,alpn:h4", hello)).toBeNull();
    }
    expect(labelIn("plain", tls("a.test"))).toBeNull();
    expect(labelIn("default", plainHello)).toBeNull();
  });

  test("is known by its name when only the protocol is wrong", () => {
    const table = new RouteTable(nameRoutes("a.test+alpn:h2,plain"));
    expect(table.knowsName(tls("a.test"))).toBe(true);
    expect([table.knowsName(tls("b.test")), table.knowsName(tls(null))]).toEqual([false, false]);
    expect(table.takesPlain).toBe(true);
    expect(new RouteTable(nameRoutes("default")).takesPlain).toBe(false);
  });
});

test("a route leads to the upstreams that it names, and to members of its services", () => {
  const one = plainUpstream({ kind: "tcp", host: "10.0.0.1", port: 443 } as const);
  const member = plainUpstream({ kind: "tcp", host: "10.0.0.2", port: 443 } as const);
  const service = { ...member, service: "_web._tcp.test" };
  const all = [one, member, service];
  const of = (text: string) => upstreamsOf(nameRoutes(text)[0] ?? { upstreams: null }, all);
  expect(of("a.test=10.0.0.1:443")).toEqual([one]);
  expect(of("a.test=srv:_web._tcp.test")).toEqual([service]);
  expect(of("a.test=10.0.0.2:443+10.0.0.1:443")).toEqual([one, member]);
  expect(of("a.test")).toBe(all);
});
