/*
 * What other proxies call things: HAProxy, nginx, Envoy and Redis. Whoever comes from one of them
 * writes what he knows, and the word that is too far from ours to look like a slip is the one that he
 * searches for longest.
 */

/** Settings of others, in small letters without `-`, `_` and dots, and what stands for them here. */
const settings: ReadonlyMap<string, string> = new Map(
  Object.entries({
    bind: "listen",
    bindaddress: "listen",
    listenaddress: "listen",
    frontend: "listen",
    server: "upstream",
    servers: "upstream",
    backend: "upstream",
    backends: "upstream",
    target: "upstream",
    targets: "upstream",
    proxypass: "upstream",
    defaultbackend: "upstream",
    endpoints: "upstream",
    maxconn: "maxRelays",
    maxconns: "maxRelays",
    maxconnections: "maxRelays",
    maxclients: "maxRelays",
    globalmaxconn: "totalRelays",
    workerconnections: "totalRelays",
    limitconn: "maxRelaysPerClient",
    limitreq: "clientRate",
    ratelimit: "clientRate",
    timeout: "idleTimeout",
    proxytimeout: "idleTimeout",
    timeouttunnel: "idleTimeout",
    sessiontimeout: "idleTimeout",
    timeoutclient: "clientIdleTimeout",
    clienttimeout: "clientIdleTimeout",
    clitimeout: "clientIdleTimeout",
    timeoutserver: "upstreamIdleTimeout",
    servertimeout: "upstreamIdleTimeout",
    srvtimeout: "upstreamIdleTimeout",
    timeoutconnect: "connectTimeout",
    proxyconnecttimeout: "connectTimeout",
    contimeout: "connectTimeout",
    timeoutclientfin: "halfCloseTimeout",
    timeoutserverfin: "halfCloseTimeout",
    timeoutqueue: "queueTimeout",
    timeoutcheck: "checkTimeout",
    maxconnectionduration: "lifetime",
    maxlifetime: "lifetime",
    proxynextupstreamtries: "tries",
    maxconnectattempts: "tries",
    proxynextupstreamtimeout: "dialBudget",
    maxqueue: "queueSize",
    hardstopafter: "drainTimeout",
    shutdowntimeout: "drainTimeout",
    workershutdowntimeout: "drainTimeout",
    gracefultimeout: "drainTimeout",
    acceptproxy: "proxyProtocol",
    setrealipfrom: "proxyProtocolFrom",
    sendproxy: "sendProxyProtocol",
    sendproxyv2: "sendProxyProtocol",
    proxydownloadrate: "downRate",
    proxyuploadrate: "upRate",
    lbpolicy: "balance",
    lbalgorithm: "balance",
    algorithm: "balance",
    strategy: "balance",
    loadbalancing: "balance",
    hashbalancefactor: "boundedLoad",
    maxfails: "ejectAfter",
    failtimeout: "ejectTime",
    healthcheck: "check",
    httpchk: "check",
    tcpcheck: "check",
    inter: "checkInterval",
    rise: "checkRise",
    fall: "checkFall",
    healthythreshold: "checkRise",
    unhealthythreshold: "checkFall",
    onmarkeddown: "onDown",
    tcpka: "keepAlive",
    sokeepalive: "keepAlive",
    clitcpka: "keepAlive",
    srvtcpka: "keepAlive",
    tcpkeepalive: "keepAlive",
    proxysocketkeepalive: "keepAlive",
    clitcpkaidle: "keepAlive",
    srvtcpkaidle: "keepAlive",
    clitcpkaintvl: "keepAliveInterval",
    srvtcpkaintvl: "keepAliveInterval",
    clitcpkacnt: "keepAliveProbes",
    srvtcpkacnt: "keepAliveProbes",
    tcput: "tcpUserTimeout",
    whitelist: "allow",
    allowlist: "allow",
    blacklist: "deny",
    denylist: "deny",
    resolver: "dnsServers",
    resolvers: "dnsServers",
    nameserver: "dnsServers",
    nameservers: "dnsServers",
    nbthread: "workers",
    nbproc: "workers",
    threads: "workers",
    concurrency: "workers",
    workerprocesses: "workers",
    statssocket: "admin",
    statsuri: "admin",
    uid: "user",
    gid: "group",
    bufsize: "segmentSize",
    tunebufsize: "segmentSize",
    proxybuffersize: "segmentSize",
    loglevel: "verbose",
    debug: "verbose",
  } satisfies Record<string, string>),
);

const NO_UDP = "UDP is not supported";
const NO_TLS = "TLS is neither begun nor ended here: its bytes are relayed as they are";
const FOREGROUND = "ringway stays in the foreground, where service managers want it";

/** What others have and ringway has not, in a sentence. */
const missing: ReadonlyMap<string, string> = new Map([
  ["udp", NO_UDP],
  ["quic", NO_UDP],
  ["proxyresponses", NO_UDP],
  ["ssl", NO_TLS],
  ["tls", NO_TLS],
  ["crt", NO_TLS],
  ["sslcertificate", NO_TLS],
  ["sslcertificatekey", NO_TLS],
  ["proxyssl", NO_TLS],
  ["daemon", FOREGROUND],
  ["pidfile", FOREGROUND],
]);

/** Values of settings, by the words of others; what no setting has is passed over. */
const words: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    roundrobin: ["round-robin"],
    staticrr: ["round-robin"],
    rr: ["round-robin"],
    wrr: ["round-robin"],
    leastconn: ["least-relays"],
    leastconnections: ["least-relays"],
    leastrequest: ["least-relays"],
    source: ["hash"],
    iphash: ["hash"],
    sourceip: ["hash"],
    clientip: ["hash"],
    ringhash: ["hash"],
    maglev: ["hash"],
    consistent: ["hash"],
    p2c: ["two-choices"],
    "random(2)": ["two-choices"],
    powerof2choices: ["two-choices"],
    poweroftwo: ["two-choices"],
    failover: ["first"],
    pickfirst: ["first"],
    tcp: ["bidirectional"],
    stream: ["bidirectional"],
    tcpcheck: ["tcp"],
    connect: ["tcp"],
    httpchk: ["http"],
    httpget: ["http"],
    valkey: ["redis"],
    redischeck: ["redis"],
    redismaster: ["redis-primary"],
    redisslave: ["redis-replica"],
    pgsql: ["postgres"],
    pgsqlcheck: ["postgres"],
    postgresql: ["postgres"],
    tcpsendexpect: ["send-expect"],
    iouring: ["uring"],
    shutdownsessions: ["close"],
    off: ["none"],
    disabled: ["off", "none"],
  } satisfies Record<string, readonly string[]>),
);

/** All settings that are named here, for the test that they exist. */
export const settingsNamed: readonly string[] = [...new Set(settings.values())];
/** All values that are named here, likewise. */
export const wordsNamed: readonly string[] = [...new Set([...words.values()].flat())];
/** All words of others for settings. */
export const wordsOfOthers: readonly string[] = [...settings.keys(), ...missing.keys()];

/**
 * What ringway calls a setting of another proxy.
 *
 * @param word as it was written, in any spelling: `max_conn`, `timeout client`, `proxyTimeout`
 * @returns its name here, in camelCase; null when the word is none of theirs
 */
export function settingCalled(word: string): string | null {
  return settings.get(plain(word)) ?? null;
}

/** The sentence for what other proxies have and ringway has not; null for any other word. */
export function notHere(word: string): string | null {
  return missing.get(plain(word)) ?? null;
}

/** The sentence for a value that stands for UDP; null for any other. */
export function notRelayed(word: string): string | null {
  return notHere(word) === NO_UDP ? NO_UDP : null;
}

/** Which of these values is what another proxy has another word for; null for none. */
export function valueCalled(word: string, known: readonly string[]): string | null {
  // `none` and `off` are each known to some settings.
  const meant = words.get(plain(word)) ?? [];
  return meant.find((one) => known.includes(one)) ?? null;
}

/** Longest word that is looked at. */
const LENGTH_MAX = 64;

function plain(word: string): string {
  return word
    .slice(0, LENGTH_MAX)
    .toLowerCase()
    .replaceAll(/[-_. ]/g, "");
}

/** How others begin an address, and what they would write here. */
const schemes: readonly (readonly [RegExp, string])[] = [
  [/^(udp[46]?|quic[46]?|uxdg|dgram)(@|:(?!\d+$))/i, NO_UDP],
  [/\/udp$/i, NO_UDP],
  [/^unix@/i, "unix@ is called unix: here, as in unix:/path"],
  [/^(uxst|local)[@:]/i, "a unix socket is called unix: here, as in unix:/path"],
  [/^abns[xz]?@/i, "abns@ is called unix:@ here, as in unix:@name"],
  [/^(ipv[46]|tcp[46]?)@/i, "leave what stands before the host out, as in host:port"],
  [
    /^(tcp[46]?|ipv[46]):(?!\/\/)(?=.*:)/i,
    "leave what stands before the host out, as in host:port",
  ],
  [
    /^(fd|sockpair)@/i,
    "a descriptor is no address here; those that systemd opens are taken by themselves",
  ],
  [
    /^_[a-z\d-]+\._tcp\./i,
    "a service in DNS is called srv: here, as in srv:_redis._tcp.example.org",
  ],
  [
    /:(\+\d+|\$server_port)$/i,
    "ports that follow the client's are a range here, as long as that of the listener: -l :5000-5010 -u db:6000-6010",
  ],
];

/** Why an address of another proxy is none here, and how it is called; null when it looks like none of theirs. */
export function addressCalled(text: string): string | null {
  return schemes.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}
