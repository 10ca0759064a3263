import { afterEach, expect, test } from "bun:test";
import { waitFor } from "../../../test/fixtures/wait.ts";
import { Pulse } from "./pulse.ts";

const told: string[] = [];
let signs = 0;
let isWorking = false;
let answers = false;
const pulse: { is: Pulse | null } = { is: null };

function begin({ sign = () => (isWorking ? ++signs : signs), lookMs = 5 } = {}): void {
  told.length = 0;
  pulse.is = new Pulse(
    {
      sign,
      ask: () => {
        told.push("asked");
        if (answers) pulse.is?.beat();
      },
      silent: (isSilent) => told.push(isSilent ? "silent" : "answers"),
      dead: (ms) => told.push(`dead after ${ms}`),
    },
    lookMs,
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

test("a thread that does not answer is reported, and after a while given up, once", async () => {
  begin();
  await waitFor(() => told.some((what) => what.startsWith("dead")), "it is given up");
  await Bun.sleep(20);
  expect(told).toEqual(["asked", "silent", "dead after 30"]);
});

test("while this thread itself was blocked, no other one is given up", async () => {
  let looks = 0;
  begin({
    sign: () => {
      looks++;
      Bun.sleepSync(280);
      return 0;
    },
    lookMs: 5,
  });
  await waitFor(() => looks > 8, "it was looked at");
  expect(told).toEqual(["asked"]);
});

test("a thread that answers late is reported as answering, and goes on", async () => {
  begin();
  await waitFor(() => told.includes("silent"), "it is silent");
  pulse.is?.beat();
  expect(told.at(-1)).toBe("answers");
});
