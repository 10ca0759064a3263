import { lstatSync } from "node:fs";
import { type Address, formatAddress } from "../base/address.ts";
import type { AdminOptions } from "../config/options.ts";
import { ListenError } from "../engine/listen-error.ts";
import { removeSocketFile, removeStaleSocket } from "../system/socket-file.ts";
import { accessOf } from "./access.ts";
import { type AdminRequest, type Route, refuse } from "./answer.ts";
import { refusal } from "./guard.ts";
import { httpListener } from "./http.ts";
import type { AdminListener } from "./listener.ts";
import { WrongTokens } from "./wrong-tokens.ts";

/** Seconds that a whole request has to arrive, from the connection or the last answer on. */
const IDLE_SECONDS = 10;

/** How the admin server answers. */
export interface Answers {
  /** Tried in order. */
  readonly routes: readonly Route[];
  /** Whether a path needs no token. */
  isOpen(path: string): boolean;
  /** An answer has failed; the request gets a 500. */
  failed(error: unknown): void;
  /** A request has shown a wrong token. @param sentence for the log */
  warned(sentence: string): void;
}

/** An HTTP server for operators and programs. */
export interface AdminServer {
  /** The bound address. */
  readonly address: Address;
  /** Closes it and all its connections. */
  stop(): Promise<void>;
}

/**
 * Starts the admin server.
 *
 * @param idleSeconds see {@link IDLE_SECONDS}; for tests
 * @throws ListenError if it cannot listen
 */
export async function startServer(
  options: AdminOptions,
  answers: Answers,
  idleSeconds = IDLE_SECONDS,
): Promise<AdminServer> {
  const { address } = options;
  const isUnix = address.kind === "unix";
  if (isUnix) await makeWay(address);
  const wrongTokens = new WrongTokens(answers.warned);
  const handle = (request: AdminRequest) => answer(request, options, answers, wrongTokens);
  const listener = httpListener(idleSeconds * 1_000, handle, (error) => answers.failed(error));
  return {
    address: await listen(listener, options),
    async stop() {
      try {
        listener.close();
      } finally {
        if (isUnix) removeSocketFile(address.path);
      }
    },
  };
}

async function answer(
  incoming: AdminRequest,
  options: AdminOptions,
  { routes, isOpen }: Answers,
  wrongTokens: WrongTokens,
): Promise<Response> {
  const { asker } = incoming;
  if (asker.refusal !== null) {
    asker.distrust();
    wrongTokens.refused(asker.refusal);
    return refuse(403, asker.refusal);
  }
  const access = accessOf(incoming.headers, options);
  const request = { ...incoming, mayChange: access === "all" };
  const refused = refusal(request, access, options, isOpen);
  if (refused !== null && access === "wrong") await wrongTokens.note(request.asker);
  if (refused !== null) return refused;
  for (const route of routes) {
    const response = await route(request);
    if (response !== null) return response;
  }
  const paths = "/, /api/state, /metrics, /healthz and /readyz";
  return refuse(404, `expected one of ${paths}; docs/admin.md lists all paths`);
}

/** @throws ListenError */
async function listen(listener: AdminListener, { address, unix }: AdminOptions): Promise<Address> {
  try {
    return await listener.open(address, unix);
  } catch (error) {
    throw listenError(address, (error as NodeJS.ErrnoException).code ?? "ENOTFOUND");
  }
}

function listenError(address: Address, code: string): ListenError {
  const where = formatAddress(address);
  return new ListenError(address, code, `the admin server cannot listen on ${where}: ${code}`);
}

/**
 * Makes sure that a path is free for a socket, because Bun itself would remove whatever is there.
 *
 * @throws ListenError if something else is there, or another process listens there
 */
async function makeWay(address: Address & { kind: "unix" }): Promise<void> {
  const { path } = address;
  if (path.startsWith("\0")) return;
  await removeStaleSocket(path);
  const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  if (isThere) throw listenError(address, "EADDRINUSE");
}
