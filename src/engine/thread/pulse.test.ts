import { afterEach, expect, test } from "bun:test";
import { waitFor } from "../../../test/fixtures/wait.ts";
import { Pulse } from "./pulse.ts";

const told: string[] = [];
let signs = 0;
let isWorking = false;
let answers = false;
const pulse: { is: Pulse | null } = { is: null };

function begin(): void {
  told.length = 0;
  pulse.is = new Pulse(
    {
      sign: () => (isWorking ? ++signs : signs),
      ask: () => {
        told.push("asked");
        if (answers) pulse.is?.beat();
      },
      silent: (isSilent) => told.push(isSilent ? "silent" : "answers"),
      dead: (ms) => told.push(`dead after ${ms}`),
    },
    5,
  );
}

afterEach(() => pulse.is?.stop());

test("one that works is asked nothing", async () => {
  isWorking = true;
  const before = signs;
  begin();
  await waitFor(() => signs > before + 10, "it was looked at");
  isWorking = false;
  expect(told).toEqual([]);
});

test("a quiet one is asked, and answers", async () => {
  answers = true;
  begin();
  await waitFor(() => told.length > 10, "it was asked");
  answers = false;
  expect(new Set(told)).toEqual(new Set(["asked"]));
});

test("one that does not answer is told, and after a while given up, once", async () => {
  begin();
  await waitFor(() => told.some((what) => what.startsWith("dead")), "it is given up");
  await Bun.sleep(20);
  expect(told).toEqual(["asked", "silent", "dead after 30"]);
});

test("one that answers late is told to, and goes on", async () => {
  begin();
  await waitFor(() => told.includes("silent"), "it is silent");
  pulse.is?.beat();
  expect(told.at(-1)).toBe("answers");
});
