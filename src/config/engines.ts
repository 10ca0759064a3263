import { endsTls } from "./server-tls.ts";
import type { ListenerGroup } from "./settings.ts";
import type { Problems } from "./sourced.ts";

type Grouped = Pick<ListenerGroup, "settings" | "upstreams">;

/**
 * A ring knows no TLS, so Bun's sockets carry listeners with TLS. Where `engine` asks for uring it has to
 * be for some other listener, too: else it would be without effect.
 */
export function rejectEngines(groups: readonly Grouped[], problems: Problems): void {
  const asking = groups.filter(({ settings: { engine } }) => engine?.value === "uring");
  for (const [engine, those] of Map.groupBy(asking, ({ settings }) => settings.engine)) {
    if (!those.every(hasTls)) continue;
    problems.add(
      engine,
      "uring is not for a listener with TLS, which sockets carries: leave it out",
    );
  }
}

/** Whether TLS is to end at these listeners, or to begin there. */
function hasTls({ settings, upstreams }: Grouped): boolean {
  const begin = [settings.upstreamTls, ...upstreams.map((one) => one.settings?.upstreamTls)];
  return endsTls(settings) || begin.some((one) => one?.value === true);
}
