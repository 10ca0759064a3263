import type { ErrorDocument } from "../admin/api.ts";
import { type Address, formatAddress, parseAddress } from "../base/address.ts";
import { ConfigError, printable } from "../base/error.ts";
import { proxyTable } from "../config/table/table.ts";
import { type AnswerShape, errorAnswer, isOfShape } from "./admin-answers.ts";
import type { Flag } from "./flag.ts";
import { guardSecrets } from "./privileges/secrets.ts";
import type { CommandArguments } from "./read-flags.ts";
import { StartError } from "./start-error.ts";

/** How long a proxy may take to answer, in milliseconds. */
const PATIENCE_MS = 10_000;
/** More than the longest answer (1,000 relays). Another program's answer might never end. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
/** The environment variable of the token, which keeps it off the command line. */
const TOKEN_VARIABLE = "RINGWAY_ADMIN_TOKEN";

const { rule: adminToken } = proxyTable.adminToken.is;

/** The flags of all commands that talk to a running proxy. */
export const adminFlags: readonly Flag[] = [
  {
    name: "admin",
    hint: "ADDR",
    text: "address of its admin server, as in its own --admin",
  },
  {
    name: "admin-token",
    hint: "TOKEN",
    text: `the token that it asks for, or file:PATH; by default the environment variable ${TOKEN_VARIABLE}`,
  },
  { name: "json", text: "print the answer as JSON, for programs" },
  { name: "help", short: "h", text: "print this help" },
];

/** A client of a running proxy's admin API. */
export class AdminClient {
  private constructor(
    private readonly address: Address,
    private readonly token: string | null,
    private readonly patienceMs: number,
  ) {}

  /**
   * The proxy that a command line names.
   *
   * @param patienceMs how long to wait for an answer
   * @throws ConfigError if it names none, or its address is wrong
   */
  static of({ values }: CommandArguments, command: string, patienceMs = PATIENCE_MS): AdminClient {
    const text = values.get("admin");
    if (text === undefined) {
      throw new ConfigError(`${command} needs to know which proxy: --admin ADDR`);
    }
    const token =
      tokenOf(values.get("admin-token"), "--admin-token") ??
      tokenOf(process.env[TOKEN_VARIABLE], TOKEN_VARIABLE);
    if (token !== null) guardSecrets();
    return new AdminClient(addressOf(text), token, patienceMs);
  }

  /**
   * Sends a request.
   *
   * @param shape the shape of a valid answer
   * @param body sent as JSON
   * @throws ConfigError if the proxy's file or the request is wrong
   * @throws StartError if the proxy does not answer, or cannot do it now
   */
  async request<T>(
    method: "GET" | "POST",
    path: string,
    shape: AnswerShape,
    body?: object,
  ): Promise<T> {
    const response = await this.fetch(method, path, body);
    const document = await documentOf(response);
    if (response.ok && isOfShape(shape, document)) return document as T;
    const where = formatAddress(this.address);
    if (response.ok || !isOfShape(errorAnswer, document)) {
      throw new StartError(`what answers on ${where} is no admin API of ringway`);
    }
    const { error, problems = [] } = document as ErrorDocument;
    const sentences = (problems.length > 0 ? problems : [error]).map(printable);
    if (response.status === 400 || response.status === 422) throw new ConfigError(sentences);
    const isToken = response.status === 401;
    throw new StartError(
      isToken ? `${where} expects --admin-token, or another one` : sentences.join("; "),
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
      // Ignore HTTP_PROXY: that proxy would see the token, and could forge the answer.
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

/** The given token, or the content of the given file. */
function tokenOf(text: string | undefined, label: string): string | null {
  if (text === undefined || text === "") return null;
  try {
    const token = adminToken(text);
    return token === "none" ? null : token;
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`${label} ${error.message}`);
    throw error;
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

/** The document of an answer; null if it cannot be read. */
async function documentOf(response: Response): Promise<unknown> {
  try {
    return JSON.parse(await textOf(response));
  } catch {
    return null;
  }
}

/** @throws RangeError if it is too long */
async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new RangeError("the answer is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
