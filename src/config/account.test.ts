import { describe, expect, test } from "bun:test";
import { accountOf } from "./account.ts";
import { Problems } from "./sourced.ts";
import { proxyTable } from "./table/table.ts";

describe("user and group", () => {
  test.each(["www-data", "_proxy", "svc$", "a.b", "65534", 33, "none"])("%p is taken", (value) => {
    expect(proxyTable.user.is.rule(value)).toBe(String(value));
    expect(proxyTable.group.is.rule(value)).toBe(String(value));
  });

  test.each(["", "a b", "a:b", "../x", "-1", -1, 1.5, 4_294_967_295, "4294967296", "x".repeat(33)])(
    "%p is refused",
    (value) => {
      expect(() => proxyTable.user.is.rule(value)).toThrow(
        "the name or the number of a user, or none",
      );
      expect(() => proxyTable.group.is.rule(value)).toThrow(
        "the name or the number of a group, or none",
      );
    },
  );

  test.each(["root", "0", 0, "00"])("%p would change nothing", (value) => {
    expect(() => proxyTable.user.is.rule(value)).toThrow(
      "expected a user with fewer rights than root",
    );
  });

  test("a group alone is refused", () => {
    const problems = new Problems();
    const group = { value: "www", given: "www", label: "--group" };
    expect(accountOf({ group }, problems)).toBeNull();
    expect(problems.sentences).toEqual([
      "--group needs a user, and none is given: expected user (--user)",
    ]);
  });
});
