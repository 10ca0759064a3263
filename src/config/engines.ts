import { endsTls } from "./server-tls.ts";
import type { ListenerGroup } from "./settings.ts";
import type { Problems } from "./sourced.ts";

/**
 * A ring knows no TLS, so Bun's sockets carry listeners with TLS. Where `engine` asks for uring it has to
 * be for some other listener, too: else it would be without effect.
 */
export function rejectEngines(
  groups: readonly Pick<ListenerGroup, "settings">[],
  problems: Problems,
): void {
  const asking = groups.filter(({ settings: { engine } }) => engine?.value === "uring");
  for (const [engine, those] of Map.groupBy(asking, ({ settings }) => settings.engine)) {
    if (!those.every(({ settings }) => endsTls(settings))) continue;
    problems.add(
      engine,
      "uring is not for a listener with TLS, which sockets carries: leave it out",
    );
  }
}
