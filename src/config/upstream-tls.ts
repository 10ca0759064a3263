import type { TlsClientOptions } from "../transport/tls/client-options.ts";
import { type ClientTlsKeys, clientTlsOf, rejectLonelyTls } from "./client-tls.ts";
import type { UpstreamOptions } from "./options.ts";
import type { GivenUpstream } from "./settings.ts";
import type { Problems, Sources } from "./sourced.ts";
import type { ListenerValues } from "./table/table.ts";

const KEYS: ClientTlsKeys = {
  on: "upstreamTls",
  name: "upstreamTlsName",
  verify: "upstreamTlsVerify",
  ca: "upstreamTlsCa",
  cert: "upstreamTlsCert",
  key: "upstreamTlsKey",
  alpn: "upstreamTlsAlpn",
};

/** The TLS to a listener's upstreams. */
export interface ListenerTls {
  /** Of upstreams that say nothing of their own; null: none. */
  readonly shared: TlsClientOptions | null;
  /** Of one upstream; missing where it has the listener's. */
  readonly of: (upstream: GivenUpstream) => Pick<UpstreamOptions, "tls">;
}

/** Puts together what was given of TLS to upstreams, and reports what cannot be together. */
export function upstreamTlsOf(
  settings: Sources<ListenerValues>,
  upstreams: readonly GivenUpstream[],
  problems: Problems,
): ListenerTls {
  const { upstreamStartTls, upstreamTls } = settings;
  const isOn = upstreamTls?.value === true;
  const anyOn = isOn || upstreams.some((one) => one.settings?.upstreamTls?.value === true);
  for (const { settings: own = {} } of upstreams) {
    const { upstreamTls: ownTls, upstreamTlsName: ownName } = own;
    if (ownName !== undefined && !(ownTls?.value ?? isOn)) {
      problems.add(ownName, "needs upstreamTls");
    }
  }
  if (!anyOn) {
    if (upstreamTls === undefined) rejectLonelyTls(settings, KEYS, ["upstreamStartTls"], problems);
    return { shared: null, of: ({ settings: own }) => (own?.upstreamTls ? { tls: null } : {}) };
  }
  const details = clientTlsOf(settings, KEYS, problems);
  const startTls = upstreamStartTls?.value ?? "off";
  const all: TlsClientOptions = { ...details, startTls };
  return {
    shared: isOn ? all : null,
    of: ({ settings: own = {} }) => {
      const { upstreamTls: ownTls, upstreamTlsName: ownName } = own;
      if (ownTls === undefined && ownName === undefined) return {};
      if (!(ownTls?.value ?? isOn)) return { tls: null };
      return { tls: ownName?.value ? { ...all, serverName: ownName.value } : all };
    },
  };
}
