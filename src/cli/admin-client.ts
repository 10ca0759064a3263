import { formatAddress, parseAddress } from "../config/address.ts";
import { ConfigError, printable } from "../config/error.ts";
import type { Address } from "../config/options.ts";
import type { ErrorDocument } from "../control/admin/api.ts";
import type { Flag } from "./flag.ts";
import type { CommandArguments } from "./read-flags.ts";
import { StartError } from "./start-error.ts";

/** Milliseconds in which a proxy has to answer. */
const PATIENCE_MS = 10_000;
/** Where a token may be, so that it is not on the command line for all to see. */
const TOKEN_VARIABLE = "RINGWAY_ADMIN_TOKEN";

/** The flags of every command that asks a running proxy. */
export const adminFlags: readonly Flag[] = [
  {
    name: "admin",
    hint: "ADDR",
    text: ["where it has its admin API: as its own --admin"],
  },
  {
    name: "admin-token",
    hint: "TOKEN",
    text: ["what it wants to see, or else the environment", `variable ${TOKEN_VARIABLE}`],
  },
  { name: "json", text: ["print what it answers, for programs"] },
  { name: "help", short: "h", text: ["print this help"] },
];

/** The admin API of a proxy that runs, from outside. */
export class AdminClient {
  private constructor(
    private readonly address: Address,
    private readonly token: string | null,
    private readonly patienceMs: number,
  ) {}

  /**
   * The proxy that a command line names.
   *
   * @param patienceMs how long it may take for an answer
   * @throws ConfigError when it names none, or not well
   */
  static of({ values }: CommandArguments, command: string, patienceMs = PATIENCE_MS): AdminClient {
    const text = values.get("admin");
    if (text === undefined) {
      throw new ConfigError(`${command} needs to know which proxy: --admin ADDR`);
    }
    return new AdminClient(
      addressOf(text),
      values.get("admin-token") ?? process.env[TOKEN_VARIABLE] ?? null,
      patienceMs,
    );
  }

  /**
   * Asks for a document, or has something done.
   *
   * @param body what is to be sent, as JSON
   * @throws ConfigError when what the proxy was told is wrong: its file, or what is asked for
   * @throws StartError when it does not answer, or does not do it now
   */
  async request<T>(method: "GET" | "POST", path: string, body?: object): Promise<T> {
    const response = await this.fetch(method, path, body);
    const document = await documentOf(response);
    if (response.ok && document !== null) return document as T;
    const where = formatAddress(this.address);
    const { error, problems = [] } = (document ?? {}) as Partial<ErrorDocument>;
    if (typeof error !== "string" || !Array.isArray(problems)) {
      throw new StartError(`what answers on ${where} is no admin API of ringway`);
    }
    const sentences = problems.map((one) => printable(String(one)));
    if (response.status === 400 || response.status === 422) throw new ConfigError(sentences);
    const why = sentences.length > 0 ? sentences.join("; ") : printable(error);
    throw new StartError(
      response.status === 401 ? `${where} expects --admin-token, or another one` : why,
    );
  }

  private async fetch(method: string, path: string, body?: object): Promise<Response> {
    const { address, token } = this;
    const isUnix = address.kind === "unix";
    const options = {
      method,
      headers: {
        "x-ringway": "1",
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: "manual",
      // HTTP_PROXY and its like: whoever is there would see the token, and his answer be believed.
      proxy: false,
      signal: AbortSignal.timeout(this.patienceMs),
      ...(isUnix ? { unix: address.path } : {}),
    } as const;
    try {
      return await fetch(`http://${isUnix ? "localhost" : formatAddress(address)}${path}`, options);
    } catch (error) {
      const where = formatAddress(address);
      const isLate = error instanceof Error && error.name === "TimeoutError";
      const why = isLate ? "does not answer" : "is not there";
      throw new StartError(`no proxy answers on ${where}: what should have an admin API ${why}`);
    }
  }
}

function addressOf(text: string): Address {
  try {
    return parseAddress(text, "upstream");
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`--admin ${error.message}`);
    throw error;
  }
}

async function documentOf(response: Response): Promise<object | null> {
  try {
    const document: unknown = await response.json();
    return typeof document === "object" ? document : null;
  } catch {
    return null;
  }
}
