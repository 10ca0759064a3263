import type { EdgeOptions } from "./options.ts";
import type { Problems, Sources } from "./sourced.ts";
import type { Believed } from "./table/entering.ts";
import { optionsIn } from "./table/setting.ts";
import { type ListenerValues, listenerTable } from "./table/table.ts";

/** Returns the options of a listener's edge, and reports contradictions. */
export function edgeOf(given: Sources<ListenerValues>, problems: Problems): EdgeOptions {
  const options = optionsIn(listenerTable, "edge", given);
  const { proxyProtocol, proxyProtocolFrom: from, clientBurst, networkBurst } = given;
  if (proxyProtocol?.value === "optional" && isNobody(options.proxyProtocolFrom)) {
    const why = "needs proxyProtocolFrom: without it any client could claim any address";
    problems.add(proxyProtocol, why);
  }
  if (from !== undefined && options.proxyProtocol === "off") {
    problems.add(from, "needs proxyProtocol optional or required");
  }
  if (clientBurst !== undefined && options.clientRate === 0) {
    problems.add(clientBurst, "needs clientRate");
  }
  if (networkBurst !== undefined && options.networkRate === 0) {
    problems.add(networkBurst, "needs networkRate");
  }
  return options;
}

/** Whether a list is empty. */
export function isNobody(list: Believed): boolean {
  return list !== "any" && list.networks.length + list.files.length === 0;
}
