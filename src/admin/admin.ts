import type { Address } from "../base/address.ts";
import type { AdminOptions } from "../config/options.ts";
import type { RunningProxy } from "../control/proxy.ts";
import { apiRoute } from "./api.ts";
import type { AdminContext } from "./context.ts";
import { metricsRoute } from "./metrics.ts";
import { isOfPage, pageRoute } from "./page.ts";
import { Past } from "./past.ts";
import { isProbe, probesRoute, type Readiness } from "./probes.ts";
import { type AdminServer, type Answers, startServer } from "./server.ts";
import { lackOf } from "./standing.ts";
import { listenersOf, totalsOf } from "./state.ts";

const ready: Readiness = { isReady: true, word: "ready" };
const draining: Readiness = { isReady: false, word: "draining" };

/** Probes need no token, so anyone can ask: an answer is reused for this many milliseconds. */
const ASKED_MS = 100;

/**
 * The admin server of a proxy: the page, the API, the metrics and the probes. It starts before the
 * proxy, reports that, and ends after it.
 */
export class Admin {
  private context: AdminContext | null = null;
  private server: AdminServer | null = null;
  private asked: Promise<string> = Promise.resolve("");
  private askAgainAt = 0;
  private readonly past = new Past();

  private constructor(private readonly readyWhen: AdminOptions["readyWhen"]) {}

  /**
   * Starts it.
   *
   * @param log receives answers that failed, and wrong tokens
   * @throws ListenError if it cannot listen
   */
  static async start(
    options: AdminOptions,
    log: Pick<Answers, "failed" | "warned">,
  ): Promise<Admin> {
    const admin = new Admin(options.readyWhen);
    admin.server = await startServer(options, {
      routes: [
        probesRoute(() => admin.readiness()),
        metricsRoute(async () => (await admin.context?.metrics()) ?? null),
        apiRoute(() => admin.context, admin.past),
        pageRoute(),
      ],
      isOpen: (path) => isProbe(path) || isOfPage(path),
      ...log,
    });
    return admin;
  }

  /** The address that it listens on. */
  get address(): Address {
    if (this.server === null) throw new Error("the admin server was not started");
    return this.server.address;
  }

  /** The proxy accepts clients: from now on the API can answer. */
  begin(context: AdminContext): void {
    this.context = context;
    const { proxy, startedAt } = context;
    this.past.begin(() => {
      return { pid: process.pid, startedAt, totals: totalsOf(proxy), latency: context.latency() };
    });
  }

  async stop(): Promise<void> {
    this.past.stop();
    await this.server?.stop();
  }

  private async readiness(): Promise<Readiness> {
    if (this.context === null) return { isReady: false, word: "starting" };
    const { proxy } = this.context;
    if (proxy.isLeaving) return draining;
    const why = await this.obstacle();
    if (proxy.isLeaving) return draining;
    return why === "" ? ready : { isReady: false, word: `not ready: ${why}` };
  }

  /** Why the proxy is not ready. However many ask, workers are asked at most ten times a second. */
  private obstacle(): Promise<string> {
    const { context } = this;
    const now = performance.now();
    if (context !== null && now >= this.askAgainAt) {
      this.askAgainAt = now + ASKED_MS;
      this.asked = obstacleOf(context.proxy, this.readyWhen);
    }
    return this.asked;
  }
}

/** Why clients should not be sent to a proxy, as a clause; empty if they should. */
async function obstacleOf(
  proxy: RunningProxy,
  readyWhen: AdminOptions["readyWhen"],
): Promise<string> {
  if (!proxy.listeners.some(({ isAccepting }) => isAccepting)) return "no listener accepts";
  const { why } = await proxy.engine.acceptance();
  if (why !== "" || readyWhen === "accepting") return why;
  return lackOf(listenersOf(proxy), proxy.upstreams.views());
}
