import { rounded } from "../observe/statistics-json.ts";

/**
 * What every answer has: it is of now, for programs and for pages of our own alone, and a page
 * consists of nothing that does not come from here.
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

/** Who has sent a request. */
export interface Asker {
  /** An IP address, or on a unix socket `user 1000`; `unknown` where the kernel says neither. */
  readonly name: string;
  /** Why it may not ask at all, as a sentence; null when it may. */
  readonly refusal: string | null;
  /** Aborted when nobody waits for an answer any more. */
  readonly gone: AbortSignal;
  /** What it sends is wrong: when there are too many connections, it goes first. */
  distrust(): void;
}

/** A request with its address taken apart. */
export interface AdminRequest {
  readonly method: string;
  readonly headers: Headers;
  /** As it was sent, nothing decoded; empty where there is none. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly asker: Asker;
  /** It may have something done, and not only look. */
  readonly mayChange: boolean;
  /** The body as JSON; null for none. @throws SyntaxError when it is something else */
  json(): Promise<unknown>;
}

/** Answers to some paths; null for those that it does not have. */
export type Route = (request: AdminRequest) => Promise<Response | null>;

/** A request as it came. */
export interface RawRequest {
  readonly method: string;
  readonly headers: Headers;
  /** As it was sent: as a rule a path alone. */
  readonly url: string;
  readonly asker: Asker;
  /** The body. */
  text(): Promise<string>;
}

/** Takes a request's address apart, which may be whole. What it may do is not known yet: nothing. */
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

/** Any answer. */
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

/** One line for programs that only look at the status, and for people. */
export function say(status: number, text: string): Response {
  return respond(status, `${text}\n`, "text/plain; charset=utf-8");
}

/** A document. Figures have three digits behind the point at most. */
export function json(status: number, document: object, more?: Record<string, string>): Response {
  const text = `${JSON.stringify(document, rounded)}\n`;
  return respond(status, text, "application/json; charset=utf-8", more);
}

/** Why there is no better answer, in a sentence or in several. */
export function refuse(
  status: number,
  error: string,
  problems: readonly string[] = [],
  more: Record<string, string> = {},
): Response {
  return json(status, problems.length === 0 ? { error } : { error, problems }, more);
}

/** The path is right and the method is not. @param allowed those that are */
export function refuseMethod(allowed: readonly string[]): Response {
  const allow = allowed.flatMap((one) => (one === "GET" ? ["GET", "HEAD"] : [one])).join(", ");
  return refuse(405, `expected ${allow}`, [], { allow });
}
