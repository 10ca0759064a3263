import { expect, test } from "bun:test";
import { StartError } from "../start-error.ts";
import { findAccount } from "./accounts.ts";

const files: Readonly<Record<string, string>> = {
  "/etc/passwd": `root:x:0:0:root:/root:/bin/sh
toor:x:0:0::/root:/bin/sh
proxy:x:13:14:proxy:/bin:/usr/sbin/nologin
broken
`,
  "/etc/group": `root:x:0:
proxy:x:14:
tls:x:70:www,proxy
log:x:71:proxy
www:x:33:www
`,
};
const read = (path: string) => files[path] ?? null;

test("a user has his own group, and those that name him", () => {
  const account = { user: 13, group: 14, groups: [14, 70, 71] };
  expect(findAccount({ user: "proxy", group: null }, read)).toEqual(account);
  expect(findAccount({ user: "13", group: null }, read)).toEqual(account);
});

test("another group may be given, by its name or its number, also one that nobody knows", () => {
  const account = { user: 13, group: 33, groups: [33, 70, 71] };
  expect(findAccount({ user: "proxy", group: "www" }, read)).toEqual(account);
  expect(findAccount({ user: "proxy", group: "33" }, read)).toEqual(account);
  expect(findAccount({ user: "4000", group: "5000" }, read)).toEqual({
    user: 4_000,
    group: 5_000,
    groups: [5_000],
  });
});

test.each([
  ["nobody-here", null, 'user "nobody-here": /etc/passwd has no such user'],
  ["4000", null, 'user "4000": /etc/passwd has no such user, so expected a group, too (--group)'],
  ["proxy", "none-such", 'group "none-such": /etc/group has no such group'],
  ["toor", null, 'user "toor" is root: expected one that may less'],
])("user %p and group %p are refused", (user, group, message) => {
  expect(() => findAccount({ user, group }, read)).toThrow(new StartError(message));
});

test("without the two files there are numbers", () => {
  const nothing = () => null;
  expect(findAccount({ user: "7", group: "8" }, nothing)).toEqual({
    user: 7,
    group: 8,
    groups: [8],
  });
  expect(() => findAccount({ user: "proxy", group: "8" }, nothing)).toThrow(StartError);
});
