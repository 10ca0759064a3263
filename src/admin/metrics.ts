import type { Exposition } from "../observe/metrics/snapshot.ts";
import { type Route, refuse, refuseMethod, respond } from "./answer.ts";

/** `/metrics`, for Prometheus. @param expose returns null until there are metrics */
export function metricsRoute(expose: () => Promise<Exposition | null>): Route {
  return async ({ path, method }) => {
    if (path !== "/metrics") return null;
    if (method !== "GET" && method !== "HEAD") return refuseMethod(["GET"]);
    const exposition = await expose();
    if (exposition === null) return refuse(503, "the proxy is starting");
    return respond(200, exposition.text, exposition.contentType);
  };
}
