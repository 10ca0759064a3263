import { type Route, refuseMethod, say } from "./answer.ts";

/** How the proxy stands, in a word, and whether clients should be sent to it. */
export interface Readiness {
  readonly isReady: boolean;
  /** `starting`, `ready`, `draining`, or `not ready: ` and why. */
  readonly word: string;
}

/** Whether a path is one of the probes', which tell a word and need no token. */
export function isProbe(path: string): boolean {
  return path === "/healthz" || path === "/readyz";
}

/** `/healthz`: it lives. `/readyz`: clients should be sent to it. */
export function probesRoute(readiness: () => Promise<Readiness>): Route {
  return async ({ path, method }) => {
    if (!isProbe(path)) return null;
    if (method !== "GET" && method !== "HEAD") return refuseMethod(["GET"]);
    if (path === "/healthz") return say(200, "ok");
    const { isReady, word } = await readiness();
    return say(isReady ? 200 : 503, word);
  };
}
