import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";
import { CliProcess } from "../test/fixtures/cli-process.ts";
import { LoadRun } from "./demo/load.ts";
import { loads } from "./demo/loads.ts";
import { renderArchitecture } from "./pictures/architecture.ts";

// `npm run pictures`: writes the pictures of docs/ anew. Takes a minute, and needs chromium in the
// PATH.

const DOCS = resolve(import.meta.dir, "../docs");
/** Long enough for charts that have something to show. */
const LOAD_MS = 60_000;

/** Starts an upstream of the demo in a thread of its own. @returns its port */
async function startUpstream(): Promise<number> {
  const worker = new Worker(new URL("./demo/upstream-thread.ts", import.meta.url));
  worker.unref();
  return await new Promise((started, failed) => {
    worker.onmessage = ({ data }) => started(data);
    worker.onerror = ({ message }) => failed(new Error(message));
  });
}

/** Two upstreams that work and one that is down. */
async function configuration(): Promise<string> {
  const [one, other] = [await startUpstream(), await startUpstream()];
  return `[[listeners]]
name = "redis"
listen = "127.0.0.1:0"
check = "redis"
upstreams = [
  "127.0.0.1:${one}",
  "127.0.0.1:${other}",
  { address = "127.0.0.1:1", backup = true },
]

[[listeners]]
name = "sink"
listen = "127.0.0.1:0"
mode = "sink"
`;
}

/** The admin page while clients ask and ask. */
async function photographAdmin(path: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "ringway-pictures-"));
  const file = join(folder, "ringway.toml");
  await Bun.write(file, await configuration());
  const flags = ["-c", file, "--admin", "127.0.0.1:0", "--stats", "none"];
  await using proxy = new CliProcess(flags);
  const port = await proxy.port();
  const [, url = ""] = await proxy.logged(/admin page, API and metrics on (\S+)/);
  const chat = loads.find(({ connections }) => connections === 50);
  if (chat === undefined) throw new Error("the demo has a load of 50 connections");
  const stopping = new AbortController();
  const driven = drive(chat, port, stopping.signal);
  const executablePath = Bun.which("chromium") ?? "chromium";
  // Without a sandbox, as this may run as root, and in containers.
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const viewport = { width: 1280, height: 900 };
    const page = await browser.newPage({ viewport, colorScheme: "light" });
    await page.goto(url);
    await Bun.sleep(LOAD_MS);
    await page.screenshot({ path });
  } finally {
    stopping.abort();
    await driven;
    await browser.close();
    await rm(folder, { recursive: true });
  }
}

/** A load again and again, so that relays also end. */
async function drive(load: (typeof loads)[number], port: number, signal: AbortSignal) {
  while (!signal.aborted) {
    await new LoadRun({ ...load, durationMs: 8_000 })
      .run("127.0.0.1", port, () => {}, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
  }
}

await Bun.write(join(DOCS, "architecture.svg"), renderArchitecture());
if (Bun.which("chromium") !== null) await photographAdmin(join(DOCS, "admin.png"));
process.exit(0);
