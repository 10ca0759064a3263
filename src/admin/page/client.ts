import type { ErrorDocument } from "../api.ts";

/** The key under which the token is stored, for this tab and origin. */
const TOKEN_KEY = "ringway-admin-token";
/** Milliseconds that an answer may take. */
const PATIENCE_MS = 8_000;

/** The proxy has answered with a refusal. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly problems: readonly string[],
  ) {
    super(message);
  }
}

/** The proxy's API. Asks for the token if one is needed. */
export class Client {
  private token = sessionStorage.getItem(TOKEN_KEY);
  private asking: Promise<void> | null = null;

  /** @param askToken asks the person for a token; `isWrong` if the one before was wrong */
  constructor(private readonly askToken: (isWrong: boolean) => Promise<string>) {}

  /**
   * Gets a document.
   *
   * @throws Refused if the proxy refuses
   * @throws another error if the proxy does not answer
   */
  async get<T>(path: string): Promise<T> {
    return await this.request<T>("GET", path);
  }

  /** Sends a request that changes something. @param body sent as JSON @throws as {@link get} */
  async send<T>(method: "POST" | "DELETE", path: string, body?: object): Promise<T> {
    return await this.request<T>(method, path, body);
  }

  private async request<T>(method: string, path: string, body?: object): Promise<T> {
    for (;;) {
      const { token } = this;
      const response = await fetch(path, {
        method,
        headers: {
          ...(method === "GET" ? {} : { "x-ringway": "1" }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        cache: "no-store",
        redirect: "error",
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      if (response.status === 401) {
        // Several requests may be refused at once, but the person is asked only once.
        if (this.token === token) {
          this.asking ??= this.ask(token !== null);
          await this.asking;
        }
        continue;
      }
      const document: unknown = await response.json();
      if (response.ok) return document as T;
      const { error, problems = [] } = document as ErrorDocument;
      throw new Refused(response.status, error, problems);
    }
  }

  private async ask(isWrong: boolean): Promise<void> {
    sessionStorage.removeItem(TOKEN_KEY);
    try {
      this.token = await this.askToken(isWrong);
      sessionStorage.setItem(TOKEN_KEY, this.token);
    } finally {
      this.asking = null;
    }
  }
}
