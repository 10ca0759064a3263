import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readDocument } from "../config/document.ts";
import { Problems } from "../config/sourced.ts";
import { validate } from "../config/validate.ts";
import { startProblems } from "./start-problems.ts";

const folder = mkdtempSync(join(tmpdir(), "ringway-start-"));
const at = (name: string) => join(folder, name);
writeFileSync(at("file"), "");
mkdirSync(at("folder"));
symlinkSync(at("file"), at("link"));
symlinkSync(at("nowhere"), at("dangling"));
const socket = Bun.listen({ unix: at("socket"), socket: { data() {} } });
afterAll(() => {
  socket.stop(true);
  rmSync(folder, { recursive: true });
});

/** What a start with these settings would fail on, without the folder's name. */
function problems(settings: object): string[] {
  const wrong = new Problems();
  const document = { listen: "127.0.0.1:1", upstream: "a:1", ...settings };
  const all = startProblems(validate({}, readDocument(document, "f", {}, wrong), wrong));
  return all.map((one) => one.replaceAll(`${folder}/`, ""));
}

const FAILS = "a start would fail here:";

test.each([
  [{ accessLog: at("folder") }, `accessLog "folder": ${FAILS} it is a directory`],
  [
    { accessLog: at("link") },
    `accessLog "link": ${FAILS} it is a symbolic link, which is not followed: name the file itself`,
  ],
  [
    { accessLog: at("dangling") },
    `accessLog "dangling": ${FAILS} it is a symbolic link, which is not followed: name the file itself`,
  ],
  [
    { accessLog: at("gone/a.log") },
    `accessLog "gone/a.log": ${FAILS} there is no directory "gone"`,
  ],
  [{ accessLog: at("file/a.log") }, `accessLog "file/a.log": ${FAILS} "file" is no directory`],
  [{ listen: `unix:${at("gone/s")}` }, `listen "gone/s": ${FAILS} there is no directory "gone"`],
  [
    { listen: `unix:${at("file")}` },
    `listen "file": ${FAILS} something else than a socket is there`,
  ],
  [{ admin: `unix:${at("gone/s")}` }, `admin "gone/s": ${FAILS} there is no directory "gone"`],
  [{ admin: `unix:${at("link")}` }, `admin "link": ${FAILS} something else than a socket is there`],
  ...(process.platform === "linux"
    ? ([
        [
          { user: "nobody-here" },
          'a start would fail here: user "nobody-here": /etc/passwd has no such user',
        ],
      ] as const)
    : []),
])("%j is told", (settings, sentence) => {
  expect(problems(settings)).toEqual([sentence]);
});

test.each([
  { accessLog: at("file") },
  { accessLog: at("folder/new.log") },
  { accessLog: "stdout" },
  { accessLog: "/dev/null" },
  // Somebody may have left it, and then it is removed.
  { listen: `unix:${at("socket")}` },
  { listen: `unix:${at("new")}`, admin: `unix:${at("other")}` },
  { listen: "unix:@abstract" },
])("%j may start", (settings) => {
  expect(problems(settings)).toEqual([]);
});
