import { lstatSync } from "node:fs";
import type { Server } from "bun";
import { formatAddress } from "../../config/address.ts";
import type { Address } from "../../config/options.ts";
import { ListenError } from "../../engine/engine.ts";
import { removeSocketFile, removeStaleSocket } from "../../engine/socket-file.ts";
import { isOwnHost } from "./host.ts";

/** Seconds in which a request has to be there, and an answer to be taken. */
const IDLE_SECONDS = 10;
/** Nobody has to send us a body. */
const BODY_BYTES_MAX = 4_096;
const METHODS = "GET, HEAD";

/** What every answer has: it is for programs, of now, and for no other site's pages. */
const HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** What the admin server answers with. */
export interface Answers {
  /** All metrics, in the form that `contentType` says; null when there are none yet. */
  metrics(): Promise<{ readonly text: string; readonly contentType: string } | null>;
  /** How the proxy stands, in a word, and whether clients should be sent to it. */
  readiness(): { readonly isReady: boolean; readonly word: string };
  /** An answer could not be made; the request gets a 500. */
  failed(error: unknown): void;
}

/** An HTTP server for programs and people that look after the proxy. */
export interface AdminServer {
  /** Where it really listens. */
  readonly address: Address;
  /** Ends it and all of its connections. */
  stop(): Promise<void>;
}

/**
 * Starts the admin server. It asks nobody who they are, so that its address has to be one that only
 * this machine reaches.
 *
 * @param idleSeconds see {@link IDLE_SECONDS}; for tests
 * @throws ListenError when it cannot listen there
 */
export async function startAdmin(
  address: Address,
  answers: Answers,
  idleSeconds = IDLE_SECONDS,
): Promise<AdminServer> {
  const isUnix = address.kind === "unix";
  if (isUnix) await makeWay(address);
  const handle = async (request: Request): Promise<Response> => {
    const isForeign = !isUnix && !isOwnHost(request.headers.get("host"));
    return isForeign
      ? say(403, "this server answers to localhost, 127.0.0.1 and [::1] only")
      : await answer(request, answers);
  };
  const server = listen(address, handle, answers, idleSeconds);
  return {
    address: isUnix ? address : { ...address, port: server.port ?? address.port },
    async stop() {
      await server.stop(true);
      if (isUnix) removeSocketFile(address.path);
    },
  };
}

async function answer(request: Request, answers: Answers): Promise<Response> {
  const { method } = request;
  const path = pathOf(request.url);
  if (path !== "/metrics" && path !== "/healthz" && path !== "/readyz") {
    return say(404, "there are /metrics, /healthz and /readyz");
  }
  if (method !== "GET" && method !== "HEAD") {
    return say(405, `expected ${METHODS}`, { allow: METHODS });
  }
  switch (path) {
    case "/healthz":
      return say(200, "ok");
    case "/readyz": {
      const { isReady, word } = answers.readiness();
      return say(isReady ? 200 : 503, word);
    }
    case "/metrics": {
      const metrics = await answers.metrics();
      if (metrics === null) return say(503, answers.readiness().word);
      const { text, contentType } = metrics;
      return new Response(text, { headers: { ...HEADERS, "content-type": contentType } });
    }
  }
}

function say(status: number, text: string, more: Record<string, string> = {}): Response {
  const headers = { ...HEADERS, "content-type": "text/plain; charset=utf-8", ...more };
  return new Response(`${text}\n`, { status, headers });
}

/** The path of a request's address, which is whole where there was a Host; empty for none. */
function pathOf(url: string): string {
  return /^(?:[a-z]+:\/\/[^/]*)?(\/[^?#]*)/i.exec(url)?.[1] ?? "";
}

function listen(
  address: Address,
  handle: (request: Request) => Promise<Response>,
  answers: Answers,
  idleSeconds: number,
): Server<undefined> {
  const where =
    address.kind === "unix"
      ? { unix: address.path }
      : { hostname: address.host, port: address.port };
  try {
    return Bun.serve({
      ...where,
      idleTimeout: idleSeconds,
      // Otherwise a second one in this process would share the port without a word.
      reusePort: false,
      fetch: handle,
      error: (error) => {
        answers.failed(error);
        return say(500, "that failed; the log says more");
      },
      development: false,
      maxRequestBodySize: BODY_BYTES_MAX,
    } as Bun.Serve.Options<undefined>);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "ENOTFOUND";
    throw refusal(address, code);
  }
}

function refusal(address: Address, code: string): ListenError {
  const where = formatAddress(address);
  return new ListenError(address, code, `the admin server cannot listen on ${where}: ${code}`);
}

/**
 * Makes way for a socket at this path; Bun itself would take away whatever has it.
 *
 * @throws ListenError when something else is there, or somebody listens there
 */
async function makeWay(address: Address & { kind: "unix" }): Promise<void> {
  const { path } = address;
  if (path.startsWith("\0")) return;
  await removeStaleSocket(path);
  const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  if (isThere) throw refusal(address, "EADDRINUSE");
}
