import { expect, test } from "bun:test";
import { parseToml } from "./toml.ts";

test("a text of several lines is the same whichever line ends its file has", async () => {
  const text = 'a = """\nPING\nX"""\n';
  const expected = { a: "PING\nX" };
  expect(await parseToml(text)).toEqual(expected);
  expect(await parseToml(text.replaceAll("\n", "\r\n"))).toEqual(expected);
});
