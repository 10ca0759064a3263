import { type Route, refuse, refuseMethod, respond } from "./answer.ts";

/** All metrics, in the form that `contentType` says. */
export interface Exposition {
  readonly text: string;
  readonly contentType: string;
}

/** `/metrics`, for Prometheus. @param expose null while there are none yet */
export function metricsRoute(expose: () => Promise<Exposition | null>): Route {
  return async ({ path, method }) => {
    if (path !== "/metrics") return null;
    if (method !== "GET" && method !== "HEAD") return refuseMethod(["GET"]);
    const exposition = await expose();
    if (exposition === null) return refuse(503, "the proxy is starting");
    return respond(200, exposition.text, exposition.contentType);
  };
}
