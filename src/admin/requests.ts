/** The description of a request; docs/admin.md shows it. */
export interface RequestText {
  /** What it does. */
  readonly does: string;
  /** What it answers if it succeeds. */
  readonly answers: string;
}

/** Requests outside of the API. */
export const plainRequests = {
  "GET /": { does: "Shows the admin page.", answers: "HTML" },
  "GET /healthz": { does: "Says that the process answers.", answers: "200 `ok`, as text" },
  "GET /readyz": {
    does: "Says whether every worker accepts clients; with `readyWhen` `upstreams` also whether every listener has an upstream that takes relays.",
    answers: "200 `ready`, or 503 with `starting`, `draining` or `not ready: ` and why, as text",
  },
  "GET /metrics": { does: "Lists all metrics.", answers: "Prometheus' text format" },
} as const satisfies Readonly<Record<string, RequestText>>;

/** All requests of the API. `ID`, `WHICH` and `NAME` stand for a part of the path. */
export const apiRequests = {
  "GET /api/state": { does: "Describes the running proxy.", answers: "the state" },
  "GET /api/history": {
    does: "Returns the samples of the last hour that the charts show, one every 5 s, oldest first.",
    answers: '`{"samples": […]}`; rates are per second, null where nothing is known',
  },
  "GET /api/relays": { does: "Lists running relays.", answers: "relays" },
  "GET /api/relays/ID": {
    does: "Describes one relay.",
    answers: "a relay; 404 if it does not run",
  },
  "DELETE /api/relays/ID": {
    does: "Cuts a relay: resets both of its connections (reason `admin`).",
    answers: '`{"cut": ID}`; 404 if it does not run',
  },
  "GET /api/upstreams": {
    does: "Lists all upstreams of all listeners.",
    answers: '`{"upstreams": […]}`',
  },
  "GET /api/upstreams/WHICH": {
    does: "Describes one upstream.",
    answers: "an upstream; 404 if there is none",
  },
  "POST /api/upstreams/WHICH": {
    does: "Takes an upstream out, brings it back or changes its weight.",
    answers: "the upstream as it is now; 404 if there is none",
  },
  "POST /api/listeners/NAME/drain": {
    does: "Stops accepting at one listener, until the next reload. The proxy goes on.",
    answers: '202 `{"listener", "drainTimeoutMs"}`; 404 if none of that name accepts',
  },
  "GET /api/valkey": {
    does: "Returns figures by command of the listeners of mode `valkey`.",
    answers: '`{"durationMs", "boundsMs", "listeners": […]}`',
  },
  "GET /api/certificates": {
    does: "Lists the certificates that listeners show.",
    answers: '`{"certificates": […]}`',
  },
  "POST /api/certificates": {
    does: "Reads certificates, keys and authorities again, and no other setting.",
    answers: '`{"renewed": […]}`; 422 with `problems` if some cannot be used: their old ones stay',
  },
  "POST /api/plan": {
    does: "Reads the configuration again and changes nothing.",
    answers: "what a reload would do",
  },
  "POST /api/reload": {
    does: "Reloads the configuration, as SIGHUP does.",
    answers: "what was done",
  },
  "POST /api/drain": {
    does: "Starts a graceful shutdown, as the first SIGTERM does. Repeats are ignored.",
    answers: '202 `{"status": "draining", "running", "drainTimeoutMs"}`',
  },
} as const satisfies Readonly<Record<string, RequestText>>;

/** A request of the API: its method and its path. */
export type ApiRequest = keyof typeof apiRequests;

/** Patterns of the variable parts of paths; a path has at most one. */
const VARIABLES: Readonly<Record<string, string>> = {
  ID: "(\\d{1,15})",
  WHICH: "([^/]+)",
  NAME: "([^/]{1,256})",
};

/** Matches the paths of such a form: `/api/relays/ID`. */
export function pathPattern(path: string): RegExp {
  return new RegExp(`^${path.replace(/[A-Z]+/, (name) => VARIABLES[name] ?? name)}$`);
}
