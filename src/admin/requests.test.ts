import { expect, test } from "bun:test";
import { apiRequests, pathPattern } from "./requests.ts";

test("a path is matched with what stands for its part that varies, and no other is", () => {
  expect(pathPattern("/api/relays/ID").exec("/api/relays/17")?.[1]).toBe("17");
  expect(pathPattern("/api/relays/ID").test("/api/relays/a")).toBe(false);
  expect(pathPattern("/api/upstreams/WHICH").exec("/api/upstreams/a%2Fb")?.[1]).toBe("a%2Fb");
  expect(pathPattern("/api/upstreams/WHICH").test("/api/upstreams/a/b")).toBe(false);
  expect(pathPattern("/api/listeners/NAME/drain").exec("/api/listeners/x/drain")?.[1]).toBe("x");
  expect(pathPattern("/api/state").test("/api/state/")).toBe(false);
});

test("every request has a method and says what it does", () => {
  for (const [request, { does, answers }] of Object.entries(apiRequests)) {
    expect(request).toMatch(/^(GET|POST|DELETE) \/api\/[a-zA-Z/]+$/);
    expect(does).toEndWith(".");
    expect(answers).not.toBe("");
  }
});
