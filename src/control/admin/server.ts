import { lstatSync } from "node:fs";
import type { Server } from "bun";
import { formatAddress } from "../../config/address.ts";
import type { Address, AdminOptions, FileAccess } from "../../config/options.ts";
import { ListenError } from "../../engine/engine.ts";
import { madeForOwner, setSocketAccess } from "../../engine/file-access.ts";
import { removeSocketFile, removeStaleSocket } from "../../engine/socket-file.ts";
import { adminRequest, type Route, refuse } from "./answer.ts";
import { refusal } from "./guard.ts";

/** Seconds in which a request has to be there, and an answer to be taken. */
const IDLE_SECONDS = 10;
/** Nobody has to send us a body; some clients send an empty one. */
const BODY_BYTES_MAX = 65_536;

/** What the admin server answers with. */
export interface Answers {
  /** Asked in turn. */
  readonly routes: readonly Route[];
  /** Whether a path needs no token. */
  isOpen(path: string): boolean;
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
 * Starts the admin server.
 *
 * @param idleSeconds see {@link IDLE_SECONDS}; for tests
 * @throws ListenError when it cannot listen there
 */
export async function startServer(
  options: AdminOptions,
  answers: Answers,
  idleSeconds = IDLE_SECONDS,
): Promise<AdminServer> {
  const { address } = options;
  const isUnix = address.kind === "unix";
  if (isUnix) await makeWay(address);
  const server = listen(
    address,
    (request) => answer(request, options, answers),
    answers,
    idleSeconds,
    options.unix,
  );
  return {
    address: isUnix ? address : { ...address, port: server.port ?? address.port },
    async stop() {
      await server.stop(true);
      if (isUnix) removeSocketFile(address.path);
    },
  };
}

async function answer(
  incoming: Request,
  options: AdminOptions,
  { routes, isOpen }: Answers,
): Promise<Response> {
  const request = adminRequest(incoming);
  const refused = refusal(request, options, isOpen);
  if (refused !== null) return refused;
  for (const route of routes) {
    const response = await route(request);
    if (response !== null) return response;
  }
  return refuse(404, "there are /, /api/state, /metrics, /healthz and /readyz; README.md has all");
}

function listen(
  address: Address,
  handle: (request: Request) => Promise<Response>,
  answers: Answers,
  idleSeconds: number,
  access: FileAccess,
): Server<undefined> {
  const where =
    address.kind === "unix"
      ? { unix: address.path }
      : { hostname: address.host, port: address.port };
  let server: Server<undefined> | null = null;
  try {
    const serve = () =>
      Bun.serve({
        ...where,
        idleTimeout: idleSeconds,
        // Otherwise a second one in this process would share the port without a word.
        reusePort: false,
        fetch: handle,
        error: (error) => {
          answers.failed(error);
          return refuse(500, "that failed; the log says more");
        },
        development: false,
        maxRequestBodySize: BODY_BYTES_MAX,
      } as Bun.Serve.Options<undefined>);
    server = madeForOwner(serve);
    if (address.kind === "unix") setSocketAccess(address.path, access);
    return server;
  } catch (error) {
    void server?.stop(true);
    const code = (error as NodeJS.ErrnoException).code ?? "ENOTFOUND";
    throw listenError(address, code);
  }
}

function listenError(address: Address, code: string): ListenError {
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
  if (isThere) throw listenError(address, "EADDRINUSE");
}
