import type { ErrorDocument } from "../admin/api.ts";
import { type Address, formatAddress, parseAddress } from "../base/address.ts";
import { ConfigError, printable } from "../base/error.ts";
import { proxyTable } from "../config/table/table.ts";
import { type AnswerShape, errorAnswer, isOfShape } from "./admin-answers.ts";
import type { Flag } from "./flag.ts";
import { guardSecrets } from "./privileges/secrets.ts";
import type { CommandArguments } from "./read-flags.ts";
import { StartError } from "./start-error.ts";

/** Milliseconds in which a proxy has to answer. */
const PATIENCE_MS = 10_000;
/** More than the longest answer, 1,000 relays. Whatever else answers may go on for ever. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
/** Where a token may be, so that it is not on the command line for all to see. */
const TOKEN_VARIABLE = "RINGWAY_ADMIN_TOKEN";

const { rule: adminToken } = proxyTable.adminToken.is;

/** The flags of every command that asks a running proxy. */
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
    const token =
      tokenOf(values.get("admin-token"), "--admin-token") ??
      tokenOf(process.env[TOKEN_VARIABLE], TOKEN_VARIABLE);
    if (token !== null) guardSecrets();
    return new AdminClient(addressOf(text), token, patienceMs);
  }

  /**
   * Asks for a document, or has something done.
   *
   * @param shape what the document has to be
   * @param body what is to be sent, as JSON
   * @throws ConfigError when what the proxy was told is wrong: its file, or what is asked for
   * @throws StartError when it does not answer, or does not do it now
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

/** What was given as a token, or what is in the file that was given. */
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

/** The document of an answer; null where it has none that can be read. */
async function documentOf(response: Response): Promise<unknown> {
  try {
    return JSON.parse(await textOf(response));
  } catch {
    return null;
  }
}

/** @throws RangeError when there is no end to it */
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
