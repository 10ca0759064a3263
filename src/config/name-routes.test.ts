import { describe, expect, test } from "bun:test";
import { ConfigError } from "../base/error.ts";
import { nameRoutes, nameRoutesText } from "./name-routes.ts";
import { routeWarnings } from "./route-problems.ts";
import { validate } from "./validate.ts";

function messageOf(make: () => unknown): string {
  try {
    make();
    return "no error";
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message;
  }
}

describe("routes", () => {
  test("are a text, or tables that say the same", () => {
    const text =
      "A.test+*.b.test=10.0.0.1:443+10.0.0.2:443,c.test+alpn:h2,plain=:80,default=refuse";
    const tables = [
      { names: ["a.test", "*.b.test."], upstreams: ["10.0.0.1:443", "10.0.0.2:443"] },
      { names: "c.test", alpn: "h2" },
      { plain: true, upstreams: ":80" },
      { refuse: "true" },
    ];
    const routes = nameRoutes(text);
    expect(nameRoutes(tables)).toEqual(routes);
    expect(routes.map(({ label }) => label)).toEqual([
      "a.test",
      "c.test alpn:h2",
      "plain",
      "default",
    ]);
    // What is shown can be given again.
    expect(nameRoutes(nameRoutesText(routes))).toEqual(routes);
  });

  test("may be off, have labels of their own, and international names", () => {
    expect(nameRoutes("off")).toEqual([]);
    expect(nameRoutes(false)).toEqual([]);
    expect(nameRoutesText([])).toBe("off");
    const [route] = nameRoutes([{ names: ["bücher.test"], label: "books" }]);
    expect(route).toMatchObject({ names: ["xn--bcher-kva.test"], label: "books" });
  });

  test.each([
    ["", "expected routes such as"],
    [[], "expected routes such as"],
    [7, "expected routes such as"],
    [{ names: "a.test" }, "expected routes such as"],
    [["a.test", 7], "[1] 7: expected routes such as"],
    ["a.test=", "expected routes such as"],
    ["a.test=b=c", "expected routes such as"],
    ["a.test,b_*.test", '[1] "b_*.test": expected a host name'],
    ["a b.test", "expected a host name"],
    ["alpn:=:80", "expected a protocol (ALPN)"],
    ["a.test=nowhere", "[0] "],
    [[{ names: "a.test", upstream: ":80" }], '[0] "upstream": expected one of the keys names,'],
    [[{ names: [] }], "[0] names is empty: leave it out"],
    [[{ names: [7] }], "[0] 7: expected names to be texts"],
    [[{ names: "a.test", upstreams: [] }], "[0] upstreams is empty"],
    [[{ plain: true, names: "a.test" }], "[0] plain is for clients without TLS"],
    [[{ refuse: true, upstreams: ":80" }], "[0] refuse contradicts upstreams"],
    [[{ refuse: "perhaps" }], '[0] "perhaps": expected true or false'],
    [[{ label: "a\nb" }], "[0] "],
    ["a.test=:80,A.TEST=:81", '[1] takes "a.test", as [0] does already'],
    ["a.test+alpn:h2,b.test,a.test+alpn:h2+alpn:h3", '[2] takes "a.test" with "h2", as [0]'],
    ["alpn:h2=:80,alpn:h3+alpn:h2", '[1] takes "h2", as [0] does already'],
    ["default=:80,default=:81", "[1] takes all other clients, as [0] does already"],
    ["plain=:80,default,plain", "[2] takes clients without TLS, as [0] does already"],
    [
      [{ names: "a.test" }, { names: "b.test", label: "a.test" }],
      '[1] has the label "a.test": give it another label, as [0] does already',
    ],
    [Array.from({ length: 1_025 }, (_, index) => `a${index}.test`), "up to 1024 routes"],
    [[{ names: Array.from({ length: 10_001 }, (_, index) => `a${index}.test`) }], "up to 10000"],
  ])("%j are none", (value, message) => {
    expect(messageOf(() => nameRoutes(value))).toContain(message);
  });
});

describe("a listener's routes", () => {
  const given = (settings: Readonly<Record<string, unknown>>) =>
    messageOf(() =>
      validate(
        Object.fromEntries(
          Object.entries({ listen: ":1", upstream: ["h:2", "h:3"], ...settings }).map(
            ([key, value]) => [key, { value, label: `--${key}` }],
          ),
        ),
      ),
    );

  test("lead to its upstreams", () => {
    expect(given({ routes: "a.test=h:2,default=h:3" })).toBe("no error");
    expect(given({ routes: "a.test=h:2,b.test=h:4" })).toContain(
      '--routes[1].upstreams "h:4": expected one of the listener\'s upstreams',
    );
  });

  test("are none of a sink's, and the time for a hello needs some", () => {
    expect(given({ routes: "default", mode: "sink", upstream: [] })).toContain("mode sink");
    expect(given({ helloTimeout: "3s" })).toContain("--helloTimeout needs routes");
    expect(given({ helloTimeout: "3s", routes: "off" })).toContain("--helloTimeout needs routes");
    expect(given({ helloTimeout: "3s", routes: "default" })).toBe("no error");
  });
});

test("a check finds routes that lead nowhere, upstreams without one, names for nothing", () => {
  const upstreams = [
    { name: "h:1", weight: 1 },
    { name: "h:2", weight: 0 },
    { name: "h:3", weight: 1 },
  ];
  const of = (text: string) => routeWarnings("listener x", nameRoutes(text), upstreams);
  expect(of("a.test=h:1,b.test=h:2+h:3")).toEqual([]);
  expect(of("default=h:1,a.test=h:2,b.test=h:3")).toEqual([
    "no upstream of route a.test of listener x has a weight above 0",
  ]);
  expect(of("default=h:1+h:2,no.test=refuse")).toEqual([
    "no route of listener x leads to upstream h:3",
  ]);
  expect(of("*.test,*.a.test=h:1,b.a.test=h:1,c.test=h:1,d.test")).toEqual([
    "b.a.test of listener x is covered by *.a.test, which leads to the same upstreams: route b.a.test may leave it out",
    "d.test of listener x is covered by *.test, which leads to the same upstreams: route d.test may leave it out",
  ]);
  expect(routeWarnings("listener x", [], upstreams)).toEqual([]);
});
