import { BulkLoad } from "./bulk.ts";
import { ChurnLoad } from "./churn.ts";
import { speakTls } from "./connection.ts";
import { IdleLoad } from "./idle.ts";
import type { Load, LoadAnswer, LoadMessage, LoadResult, LoadSpec } from "./load.ts";
import { OpenLoopLoad } from "./open-loop.ts";
import { RequestsLoad } from "./requests.ts";
import { RudeLoad } from "./rude.ts";
import { SlowLoad } from "./slow.ts";

// The load process: it is told what to be as JSON on its command line, and what to do through IPC.

function createLoad(spec: LoadSpec): Load {
  switch (spec.kind) {
    case "requests":
      return new RequestsLoad(spec);
    case "churn":
      return new ChurnLoad(spec);
    case "open-loop":
      return new OpenLoopLoad(spec);
    case "idle":
      return new IdleLoad(spec);
    case "slow":
      return new SlowLoad(spec);
    case "rude":
      return new RudeLoad(spec);
    case "bulk":
      return new BulkLoad(spec);
  }
}

async function obey(load: Load, message: LoadMessage): Promise<LoadResult | null> {
  switch (message.kind) {
    case "connect":
      await load.connect(message.port);
      return null;
    case "run":
      return await load.run(message.ms);
    case "close":
      load.close();
      return null;
  }
}

const spec = JSON.parse(process.argv[2] ?? "null") as LoadSpec;
if (spec.tls !== undefined) await speakTls(spec.tls);
const load = createLoad(spec);

function answer(message: LoadAnswer): void {
  process.send?.(message);
}

process.on("message", (message: LoadMessage) => {
  obey(load, message).then(
    (result) => answer({ ok: true, result }),
    (error: unknown) => answer({ ok: false, message: (error as Error).message }),
  );
});
// Without its parent a load has no purpose, and must not go on loading the machine.
process.on("disconnect", () => process.exit(0));
