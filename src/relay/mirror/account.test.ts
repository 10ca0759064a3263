import { expect, test } from "bun:test";
import { closeMirror, MirrorAccount, mirrorStats } from "./account.ts";

test("when an engine is no more every copy that it began has come to something, once", () => {
  const account = new MirrorAccount("a", "m:9");
  for (let count = 0; count < 4; count++) account.begins();
  account.ends(true);
  account.drop("slow");
  account.ends(false);
  // This one is being closed yet, and the last one runs.
  account.drop("reset");
  closeMirror(account.page);
  expect(mirrorStats(account.page)).toMatchObject({
    begun: 4,
    running: 0,
    completed: 1,
    dropped: { slow: 1, reset: 1, stopped: 1 },
  });
});
