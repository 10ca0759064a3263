import type { Address, AdminOptions } from "../../config/options.ts";
import { apiRoute } from "./api.ts";
import type { AdminContext } from "./context.ts";
import { metricsRoute } from "./metrics.ts";
import { isOfPage, pageRoute } from "./page.ts";
import { isProbe, probesRoute, type Readiness } from "./probes.ts";
import { type AdminServer, type Answers, startServer } from "./server.ts";

/**
 * The admin server of a proxy: the page, the API, the metrics and the probes. It is there before the proxy, says
 * so, and ends after it.
 */
export class Admin {
  private context: AdminContext | null = null;
  private server: AdminServer | null = null;

  private constructor() {}

  /**
   * Starts it.
   *
   * @param log told of answers that could not be made, and of wrong tokens
   * @throws ListenError when it cannot listen there
   */
  static async start(
    options: AdminOptions,
    log: Pick<Answers, "failed" | "warned">,
  ): Promise<Admin> {
    const admin = new Admin();
    admin.server = await startServer(options, {
      routes: [
        probesRoute(() => admin.readiness),
        metricsRoute(async () => (await admin.context?.metrics()) ?? null),
        apiRoute(() => admin.context),
        pageRoute(),
      ],
      isOpen: (path) => isProbe(path) || isOfPage(path),
      ...log,
    });
    return admin;
  }

  /** Where it really listens. */
  get address(): Address {
    if (this.server === null) throw new Error("the admin server was not started");
    return this.server.address;
  }

  /** The proxy accepts: from now on there is something to tell. */
  begin(context: AdminContext): void {
    this.context = context;
  }

  async stop(): Promise<void> {
    await this.server?.stop();
  }

  private get readiness(): Readiness {
    if (this.context === null) return { isReady: false, word: "starting" };
    return this.context.proxy.isStopping
      ? { isReady: false, word: "draining" }
      : { isReady: true, word: "ready" };
  }
}
