import type { TcpAddress } from "../base/address.ts";
import { healthOf } from "./listener-parts.ts";
import type { EdgeOptions, ListenerOptions, UringOptions } from "./options.ts";
import { optionsIn } from "./table/setting.ts";
import { listenerTable, proxyTable, uringTable } from "./table/table.ts";

/** The default edge: it admits every client. */
export const edgeDefaults: EdgeOptions = optionsIn(listenerTable, "edge", {});

/** The defaults of a listener. */
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
  valkey: null,
  unix: optionsIn(listenerTable, "unix", {}),
};

const listen: TcpAddress = { kind: "tcp", host: "127.0.0.1", port: 6380 };

/** The defaults of the whole proxy. */
export const defaults = {
  listen,
  ...optionsIn(proxyTable, "", {}),
  ...optionsIn(proxyTable, "memory", {}),
};

/** The defaults of the uring engine. */
export const uringDefaults: UringOptions = optionsIn(uringTable, "", {});
