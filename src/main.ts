#!/usr/bin/env -S bun --no-env-file --config=/dev/null --tsconfig-override=/dev/null --no-install
// Nothing of the folder where it is started counts: whoever may write there must not say what runs.
import { main } from "./cli/main.ts";

await main(process.argv.slice(2));
