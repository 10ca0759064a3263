import { type Route, refuseMethod, say } from "./answer.ts";

/** Whether clients should be sent to the proxy, and its state in a word. */
export interface Readiness {
  readonly isReady: boolean;
  /** `starting`, `ready`, `draining`, or `not ready: ` and why. */
  readonly word: string;
}

/** Whether a path is a probe, which answers with a word and needs no token. */
export function isProbe(path: string): boolean {
  return path === "/healthz" || path === "/readyz";
}

/** `/healthz`: the process runs. `/readyz`: clients should be sent to it. */
export function probesRoute(readiness: () => Promise<Readiness>): Route {
  return async ({ path, method }) => {
    if (!isProbe(path)) return null;
    if (method !== "GET" && method !== "HEAD") return refuseMethod(["GET"]);
    if (path === "/healthz") return say(200, "ok");
    const { isReady, word } = await readiness();
    return say(isReady ? 200 : 503, word);
  };
}
