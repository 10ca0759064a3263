import { rounded } from "../observe/statistics.ts";

/**
 * All answers have these: they are not cached, only our own pages may use them, and load nothing
 * else.
 */
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

/** The sender of a request. */
export interface Asker {
  /** An IP address, or `user 1000` on a unix socket; `unknown` if the kernel says neither. */
  readonly name: string;
  /** Why it may not ask at all, as a sentence; null if it may. */
  readonly refusal: string | null;
  /** Aborted when the sender has gone. */
  readonly gone: AbortSignal;
  /**
   * Its requests are invalid: if there are too many connections, its connection is closed first.
   */
  distrust(): void;
}

/** A parsed request. */
export interface AdminRequest {
  readonly method: string;
  readonly headers: Headers;
  /** As it was sent, not decoded; empty if there is none. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly asker: Asker;
  /** It may change something, not only look. */
  readonly mayChange: boolean;
  /** The body as JSON; null if it is empty. @throws SyntaxError if it is not JSON */
  json(): Promise<unknown>;
}

/** Answers requests to some paths, and returns null for all others. */
export type Route = (request: AdminRequest) => Promise<Response | null>;

/** A request as it was received. */
export interface RawRequest {
  readonly method: string;
  readonly headers: Headers;
  /** As it was sent, usually just a path. */
  readonly url: string;
  readonly asker: Asker;
  text(): Promise<string>;
}

/**
 * Parses a request, whose URL may be absolute. It may change nothing before its token is checked.
 */
export function adminRequest(request: RawRequest): AdminRequest {
  const { method, headers, asker, url } = request;
  const [, path = "", query = ""] =
    /^(?:[a-z]+:\/\/[^/?#]*)?(\/[^?#]*)?(?:\?([^#]*))?/i.exec(url) ?? [];
  const json = async () => {
    const text = await request.text();
    return text === "" ? null : JSON.parse(text);
  };
  const mayChange = false;
  return { method, headers, path, query: new URLSearchParams(query), asker, mayChange, json };
}

export function respond(
  status: number,
  text: string,
  contentType: string,
  more: Readonly<Record<string, string>> = {},
): Response {
  return new Response(text, {
    status,
    headers: { ...HEADERS, "content-type": contentType, ...more },
  });
}

/** A line of text, for people and for programs that only look at the status. */
export function say(status: number, text: string): Response {
  return respond(status, `${text}\n`, "text/plain; charset=utf-8");
}

/** A JSON document. Its numbers have at most three decimals. */
export function json(status: number, document: object, more?: Record<string, string>): Response {
  const text = `${JSON.stringify(document, rounded)}\n`;
  return respond(status, text, "application/json; charset=utf-8", more);
}

/** A refusal. @param error why, as a sentence @param problems everything that is wrong */
export function refuse(
  status: number,
  error: string,
  problems: readonly string[] = [],
  more: Record<string, string> = {},
): Response {
  return json(status, problems.length === 0 ? { error } : { error, problems }, more);
}

/** The path exists, but not with this method. @param allowed the methods that do */
export function refuseMethod(allowed: readonly string[]): Response {
  const allow = allowed.flatMap((one) => (one === "GET" ? ["GET", "HEAD"] : [one])).join(", ");
  return refuse(405, `expected ${allow}`, [], { allow });
}
