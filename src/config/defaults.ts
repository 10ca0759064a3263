import type { TcpAddress } from "../base/address.ts";
import { healthOf } from "./health.ts";
import type { EdgeOptions, ListenerOptions, UringOptions } from "./options.ts";
import { optionsIn } from "./table/setting.ts";
import { listenerTable, proxyTable, uringTable } from "./table/table.ts";

/** What there is at the edge unless something else is given: everybody may come in. */
export const edgeDefaults: EdgeOptions = optionsIn(listenerTable, "edge", {});

/** What a listener has unless it says otherwise. */
export const listenerDefaults: Omit<ListenerOptions, "address" | "upstreams"> = {
  ...optionsIn(listenerTable, "", {}),
  balance: optionsIn(listenerTable, "balance", {}),
  dial: optionsIn(listenerTable, "dial", {}),
  health: { check: null, ...healthOf({}) },
  edge: edgeDefaults,
  route: null,
  tls: null,
  upstreamTls: null,
  mirror: null,
  unix: optionsIn(listenerTable, "unix", {}),
};

const listen: TcpAddress = { kind: "tcp", host: "127.0.0.1", port: 6380 };

/** What there is once for the whole proxy, unless something else is given. */
export const defaults = {
  listen,
  ...optionsIn(proxyTable, "", {}),
  ...optionsIn(proxyTable, "memory", {}),
};

/** How io_uring is used unless something else is given. */
export const uringDefaults: UringOptions = optionsIn(uringTable, "", {});
