import { expect, test } from "bun:test";
import { CliProcess } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import { readPage } from "./pages.ts";

// docs/admin.md names every field that the API answers with.

/** All keys of a document, however deep; those of `reasons` are reasons. */
function keysOf(document: unknown, keys = new Set<string>()): Set<string> {
  if (Array.isArray(document)) for (const one of document) keysOf(one, keys);
  else if (typeof document === "object" && document !== null) {
    for (const [key, value] of Object.entries(document)) {
      keys.add(key);
      if (key !== "reasons") keysOf(value, keys);
    }
  }
  return keys;
}

test("every field of the API is in docs/admin.md", async () => {
  const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
  if (upstream.address.kind !== "tcp") throw new Error("it has a port");
  const target = `127.0.0.1:${upstream.address.port}`;
  const flags = ["-l", "127.0.0.1:0", "-u", target, "--check", "tcp", "--mirror", target];
  await using proxy = new CliProcess([...flags, "--admin", "127.0.0.1:0", "--stats", "none"]);
  const port = await proxy.port();
  const [, url = ""] = await proxy.logged(/admin page, API and metrics on (\S+)/);
  const end = await End.connect({ kind: "tcp", host: "127.0.0.1", port });
  const ask = async (path: string, method = "GET") =>
    await (await fetch(`${url}${path}`, { method, headers: { "X-Ringway": "1" } })).json();
  const relays = async () => (await ask("/api/relays")) as { relays: unknown[] };
  await waitFor(async () => (await relays()).relays.length > 0, "there is a relay");
  const page = await readPage("docs/admin.md");
  const documents = [
    await ask("/api/state"),
    await ask("/api/upstreams"),
    await ask("/api/relays"),
    await ask("/api/plan", "POST"),
  ];
  const unknown = documents
    .flatMap((document) => [...keysOf(document)])
    .filter((key) => !new RegExp(`[\`."]${key}(\\[\\])?[\`."]`).test(page));
  expect([...new Set(unknown)]).toEqual([]);
  end.reset();
  upstream.close();
});
