import { ConfigError } from "../base/error.ts";
import type { CertificateView } from "../control/certificates/expiry.ts";
import { NOT_APPLIED } from "../control/not-applied.ts";
import type { UpstreamView } from "../control/upstream-view.ts";
import { type RelayStatistics, relayStatistics } from "../observe/statistics.ts";
import { type AdminRequest, json, type Route, refuse, refuseMethod } from "./answer.ts";
import type { AdminContext, ReloadOutcome } from "./context.ts";
import { findUpstream } from "./find-upstream.ts";
import type { HistoryDocument, Past } from "./past.ts";
import { planDocument } from "./plan-document.ts";
import { RelayList } from "./relay-list.ts";
import { readRelayQuery, selectRelays } from "./relay-query.ts";
import { type ApiRequest, apiRequests, pathPattern } from "./requests.ts";
import { stateDocument } from "./state.ts";
import { readUpstreamChange } from "./upstream-change.ts";
import { valkeyDocument } from "./valkey-document.ts";

/** What `GET /api/relays` answers. */
export interface RelaysDocument {
  /** All running relays. */
  running: number;
  /** Relays that match the filter; the limit may list fewer. */
  matching: number;
  relays: RelayStatistics[];
}

/** What `DELETE /api/relays/ID` answers. */
export interface CutDocument {
  /** The number of the relay, which now ends (`admin`). */
  cut: number;
}

/** What `GET /api/upstreams` answers. */
export interface UpstreamsDocument {
  upstreams: UpstreamView[];
}

/** What `POST /api/listeners/NAME/drain` answers. */
export interface ListenerDrainDocument {
  /** The listener, which accepts no clients until a reload. */
  listener: string;
  /** How long its relays have to finish. */
  drainTimeoutMs: number;
}

/** What `GET /api/certificates` answers. */
export interface CertificatesDocument {
  certificates: readonly CertificateView[];
}

/** What `POST /api/certificates` answers. */
export interface RenewalDocument {
  /** What is new, such as `the certificate of a.example.org`. */
  renewed: readonly string[];
}

/** What `POST /api/drain` answers. */
export interface DrainDocument {
  status: "draining";
  /** Relays that still run. */
  running: number;
  /** How long they have to finish. */
  drainTimeoutMs: number;
}

/** The answer of every refusal. */
export interface ErrorDocument {
  error: string;
  /** Everything that is wrong, if there may be several things. */
  problems?: string[];
}

/** The proxy drains after this many milliseconds, so that the answer goes out first. */
const DRAIN_AFTER_MS = 10;

type Handler = (request: AdminRequest, which: string) => Response | Promise<Response>;

/** One path of the API with its methods. */
interface Endpoint {
  /** As a person writes it: `/api/relays/ID`. */
  readonly name: string;
  readonly path: RegExp;
  readonly methods: Readonly<Record<string, Handler>>;
}

/** Everything below `/api`; see docs/admin.md. @param context null until the proxy runs */
export function apiRoute(context: () => AdminContext | null, past: Pick<Past, "samples">): Route {
  let api: Api | null = null;
  return async (request) => {
    if (request.path !== "/api" && !request.path.startsWith("/api/")) return null;
    const running = context();
    if (running === null) return refuse(503, "the proxy is starting");
    api ??= new Api(running, past);
    return await api.answer(request);
  };
}

class Api {
  private readonly list: RelayList;
  private readonly endpoints: readonly Endpoint[];

  constructor(
    private readonly context: AdminContext,
    past: Pick<Past, "samples">,
  ) {
    this.list = new RelayList(context.proxy.engine);
    this.endpoints = endpointsOf({
      "GET /api/state": ({ mayChange }) => json(200, stateDocument(context, mayChange)),
      "GET /api/history": () => json(200, { samples: past.samples } satisfies HistoryDocument),
      "GET /api/relays": (request) => this.relays(request),
      "GET /api/relays/ID": (_, id) => this.relay(Number(id)),
      "DELETE /api/relays/ID": (_, id) => this.cut(Number(id)),
      "GET /api/upstreams": () => this.upstreams(),
      "GET /api/upstreams/WHICH": (_, which) => this.withUpstream(which, (view) => json(200, view)),
      "POST /api/upstreams/WHICH": (request, which) =>
        this.withUpstream(which, (view) => this.changeUpstream(request, view)),
      "POST /api/listeners/NAME/drain": (_, name) => this.drainListener(name),
      "GET /api/valkey": () => json(200, valkeyDocument(context.proxy.engine.stats())),
      "GET /api/certificates": () =>
        json(200, {
          certificates: context.proxy.certificates,
        } satisfies CertificatesDocument),
      "POST /api/certificates": () => this.renewCertificates(),
      "POST /api/plan": async () => this.told(await context.plan(), false),
      "POST /api/reload": async () => this.told(await context.reload(), true),
      "POST /api/drain": () => this.drain(),
    });
  }

  async answer(request: AdminRequest): Promise<Response> {
    for (const { path, methods } of this.endpoints) {
      const match = path.exec(request.path);
      if (match === null) continue;
      const method = request.method === "HEAD" ? "GET" : request.method;
      const handler = Object.hasOwn(methods, method) ? methods[method] : undefined;
      if (handler === undefined) return refuseMethod(Object.keys(methods));
      return await handler(request, match[1] ?? "");
    }
    const known = this.endpoints.map(({ name }) => name).join(", ");
    return refuse(404, `there are ${known}`);
  }

  private told(outcome: ReloadOutcome, done: boolean): Response {
    if (!("plan" in outcome)) return refusedReload(outcome);
    const { engine } = this.context.proxy;
    return json(
      200,
      planDocument(outcome.plan, done, (one) => engine.carrierOf(one)),
    );
  }

  private async relays({ query }: AdminRequest): Promise<Response> {
    const wanted = unlessRefused(() => readRelayQuery(query));
    if (wanted instanceof ConfigError) {
      return refuse(400, "the query is not valid", wanted.problems);
    }
    const all = await this.list.recent();
    const { matching, relays } = selectRelays(all, wanted);
    const document: RelaysDocument = {
      running: all.length,
      matching,
      relays: relays.map(relayStatistics),
    };
    return json(200, document);
  }

  private async relay(id: number): Promise<Response> {
    const relay = (await this.list.recent()).find((one) => one.id === id);
    return relay === undefined ? noRelay(id) : json(200, relayStatistics(relay));
  }

  private async cut(id: number): Promise<Response> {
    if (!(await this.list.now()).some((one) => one.id === id)) return noRelay(id);
    this.context.proxy.engine.cut(id);
    this.context.wasCut(id);
    const document: CutDocument = { cut: id };
    return json(200, document);
  }

  private upstreams(): Response {
    const document: UpstreamsDocument = { upstreams: this.context.proxy.upstreams.views() };
    return json(200, document);
  }

  private withUpstream(
    which: string,
    answer: (view: UpstreamView) => Response | Promise<Response>,
  ): Response | Promise<Response> {
    const views = this.context.proxy.upstreams.views();
    const found = unlessRefused(() => findUpstream(views, which));
    if (found instanceof ConfigError) {
      return refuse(400, "the upstream is not unique", found.problems);
    }
    return found === undefined ? noUpstream(decodeURIComponent(which)) : answer(found);
  }

  private async changeUpstream(request: AdminRequest, { id }: UpstreamView): Promise<Response> {
    const { proxy } = this.context;
    const body = await request.json().catch((error: unknown) => {
      if (!(error instanceof SyntaxError)) throw error;
    });
    if (body === undefined) return refuse(400, "the body is not JSON");
    const change = unlessRefused(() => readUpstreamChange(body));
    if (change instanceof ConfigError) {
      return refuse(400, "the change is not valid", change.problems);
    }
    if (!proxy.upstreams.set(id, change)) return noUpstream(id);
    if (change.withinMs !== undefined) proxy.engine.drop({ slot: id }, change.withinMs);
    const view = proxy.upstreams.views().find((one) => one.id === id);
    if (view === undefined) return noUpstream(id);
    this.context.wasChanged(view);
    return json(200, view);
  }

  private async drainListener(encoded: string): Promise<Response> {
    const { proxy } = this.context;
    const name = unlessRefused(() => decodeURIComponent(encoded));
    const { drainTimeoutMs } = proxy.options;
    if (typeof name !== "string" || !(await proxy.drainListener(name))) {
      return refuse(404, "no listener of this name or address accepts clients");
    }
    this.context.wasDrained(name);
    const document: ListenerDrainDocument = { listener: name, drainTimeoutMs };
    return json(202, document);
  }

  private async renewCertificates(): Promise<Response> {
    const { renewed, problems } = await this.context.proxy.renewCertificates();
    if (problems.length > 0) {
      return refuse(422, "some certificates are not renewed: the old ones stay", problems);
    }
    return json(200, { renewed } satisfies RenewalDocument);
  }

  private drain(): Response {
    const { proxy } = this.context;
    const { drainTimeoutMs } = proxy.options;
    const { running } = proxy.engine.stats().relays;
    setTimeout(() => this.context.drain(), DRAIN_AFTER_MS);
    const document: DrainDocument = { status: "draining", running, drainTimeoutMs };
    return json(202, document);
  }
}

/** The paths with their methods, in the order of {@link apiRequests}. */
function endpointsOf(handlers: Readonly<Record<ApiRequest, Handler>>): Endpoint[] {
  const all = new Map<string, Record<string, Handler>>();
  for (const request of Object.keys(apiRequests) as ApiRequest[]) {
    const [method = "", name = ""] = request.split(" ");
    all.set(name, { ...all.get(name), [method]: handlers[request] });
  }
  return Array.from(all, ([name, methods]) => ({ name, path: pathPattern(name), methods }));
}

/** Returns what `read` returns, or the error if it refuses its input. */
function unlessRefused<T>(read: () => T): T | ConfigError {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    if (error instanceof URIError) return new ConfigError(error.message);
    throw error;
  }
}

function refusedReload(outcome: Exclude<ReloadOutcome, { plan: unknown }>): Response {
  return outcome.refused === "settings"
    ? refuse(422, `the settings are wrong: ${NOT_APPLIED}`, outcome.problems)
    : refuse(409, `this is not possible now: ${NOT_APPLIED}`, outcome.problems);
}

function noUpstream(id: number | string): Response {
  return refuse(404, `there is no upstream ${id}`);
}

function noRelay(id: number): Response {
  return refuse(404, `relay ${id} does not run`);
}
