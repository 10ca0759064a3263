import { describe, expect, test } from "bun:test";
import { ConfigError } from "../base/error.ts";
import { isLoopback } from "./admin.ts";
import { validate } from "./validate.ts";

const TOKEN = "0123456789abcdef";

/** What `--admin` and `--admin-token` come to. */
function given(admin?: unknown, token?: unknown) {
  return validate({
    ...(admin === undefined ? {} : { admin: { value: admin, label: "--admin" } }),
    ...(token === undefined ? {} : { adminToken: { value: token, label: "--admin-token" } }),
  }).admin;
}

function problemsOf(admin?: unknown, token?: unknown): readonly string[] {
  try {
    given(admin, token);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test("there is none unless it is given", () => {
  expect(given()).toBeNull();
  expect(given("none")).toBeNull();
  expect(given("none", "none")).toBeNull();
});

test.each(["127.0.0.1:9600", "127.1.2.3:0", "localhost:1", "[::1]:9600", "unix:/a", "unix:@a"])(
  "%s needs no token, and may have one",
  (admin) => {
    expect(given(admin)).toMatchObject({ token: null });
    expect(given(admin, "none")).toMatchObject({ token: null });
    expect(given(admin, TOKEN)).toMatchObject({ token: TOKEN });
  },
);

test.each([":9600", "0.0.0.0:9600", "10.0.0.1:9600", "[::]:1", "name:1", "localhost.a:1"])(
  "%s needs a token",
  (admin) => {
    expect(given(admin, TOKEN)).toMatchObject({ token: TOKEN });
    const why = "can be reached by others: expected adminToken (--admin-token) as well";
    expect(problemsOf(admin)).toEqual([`--admin "${admin}" ${why}`]);
    expect(problemsOf(admin, "none")).toEqual([`--admin "${admin}" ${why}`]);
  },
);

describe("what is wrong", () => {
  test("a token without a server", () => {
    const why = "needs an admin server, and none is given: expected admin (--admin)";
    expect(problemsOf(undefined, TOKEN)).toEqual([`--admin-token ${why}`]);
    expect(problemsOf("none", TOKEN)).toEqual([`--admin-token ${why}`]);
  });

  test("an address that is none is told once", () => {
    expect(problemsOf("9600", TOKEN)).toHaveLength(1);
    expect(problemsOf(9600)).toEqual(["--admin 9600: expected an address, or none"]);
  });

  test.each(["short", "0123456789abcde", "a".repeat(257), "0123456789abcde f", "0123456789abcdeé"])(
    "the token %s, which no message repeats",
    (token) => {
      const [problem = ""] = problemsOf("127.0.0.1:1", token);
      expect(problem).toStartWith("--admin-token ");
      expect(problem).not.toContain(token);
    },
  );
});

test("what is this machine's own", () => {
  for (const host of ["localhost", "::1", "127.0.0.1", "127.255.0.9"]) {
    expect(isLoopback(host)).toBe(true);
  }
  for (const host of ["0.0.0.0", "::", "128.0.0.1", "127.0.0.1.a", "localhost.a", "", "1.27.0.0"]) {
    expect(isLoopback(host)).toBe(false);
  }
});
