import { direct } from "./direct.ts";
import { haproxy } from "./haproxy.ts";
import { liburings } from "./liburing.ts";
import { naive } from "./naive.ts";
import { nginx } from "./nginx.ts";
import type { ProxyAdapter } from "./proxy.ts";
import { befores, ringway, ringwayValkey } from "./ringway.ts";
import { twemproxy } from "./twemproxy.ts";

/** Everything that can be compared, in the order of the tables. */
export const proxies: readonly ProxyAdapter[] = [
  direct,
  haproxy,
  nginx,
  ...liburings,
  naive,
  twemproxy,
  ...befores,
  ringway("sockets"),
  ringway("uring"),
  ringwayValkey("sockets"),
  ringwayValkey("uring"),
];
