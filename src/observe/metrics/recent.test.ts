import { expect, test } from "bun:test";
import { Recent } from "./recent.ts";

test("those go first that were not used for longest", () => {
  const gone: string[] = [];
  const recent = new Recent<{ name: string }>(3, ({ name }) => gone.push(name));
  const use = (name: string) => recent.use(name, () => ({ name }));
  const a = use("a");
  for (const name of ["b", "c", "a"]) use(name);
  expect(use("a")).toBe(a);
  use("d");
  expect(gone).toEqual(["b"]);
  recent.keep(1);
  expect(gone).toEqual(["b", "c", "a"]);
  expect(use("a")).not.toBe(a);
  expect(gone).toHaveLength(3);
});
