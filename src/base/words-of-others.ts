/*
 * The words of other proxies: HAProxy, nginx with its stream module, Envoy, Traefik, twemproxy,
 * Redis. All are in small letters without `-`, `_`, dots and spaces.
 */

/** The advice for people who want the access log in syslog. */
export const NO_SYSLOG =
  "ringway does not speak syslog: use stdout and pipe it to logger, " +
  "as in ringway --access-log stdout | logger --size 8KiB";

/** What others call ringway's settings of the whole proxy, a listener or an upstream. */
export const settingsOfOthers: Readonly<Record<string, string>> = {
  listen:
    "bind bindaddress listenaddress frontend unixsocket listenaddr listenport entrypoint entrypoints",
  upstream:
    "server servers backend backends target targets proxypass defaultbackend endpoints remote remotes extraremotes forward destination cluster clusters service services proxyto forwardto servertemplate",
  maxRelays:
    "maxconn maxconns maxconnections maxclients maxclientconn clientconnections fullconn minconn circuitbreakers maxopenconnections",
  totalRelays: "globalmaxconn workerconnections maxtotalconnections",
  maxRelaysPerClient: "limitconn inflightconn maxconnperip maxconnsperip connectionsperip",
  clientRate: "limitreq ratelimit connrate localratelimit",
  idleTimeout:
    // In HAProxy, bytes of either direction are activity for both of its sides.
    "timeout proxytimeout timeouttunnel sessiontimeout readtimeout sotimeout tunneltimeout " +
    "timeoutclient clienttimeout clitimeout timeoutserver servertimeout srvtimeout",
  clientIdleTimeout: "downstreamidletimeout",
  connectTimeout: "timeoutconnect proxyconnecttimeout contimeout dialtimeout tcptimeout",
  halfCloseTimeout: "timeoutclientfin timeoutserverfin proxyhalfclose terminationdelay",
  queueTimeout: "timeoutqueue",
  checkTimeout: "timeoutcheck healthchecktimeout",
  lifetime:
    "maxconnectionduration maxlifetime maxdownstreamconnectionduration maxconnectionage serverlifetime",
  tries: "proxynextupstreamtries maxconnectattempts redispatch proxynextupstream",
  dialBudget: "proxynextupstreamtimeout",
  queueSize: "maxqueue maxpendingrequests",
  drainTimeout:
    "hardstopafter shutdowntimeout workershutdowntimeout gracefultimeout draintime draintimes gracetimeout closespreadtime",
  proxyProtocol: "acceptproxy expectproxy",
  proxyProtocolFrom: "setrealipfrom trustedips trustedproxies",
  sendProxyProtocol: "sendproxy sendproxyv2 upstreamproxyprotocol",
  downRate:
    "proxydownloadrate limitrate bandwidth bandwidthlimit tcpbandwidthlimit bwlimout setbandwidthlimit",
  upRate: "proxyuploadrate bwlimin",
  balance:
    "lbpolicy lbalgorithm algorithm strategy loadbalancing leastconn leastconnections hash iphash roundrobin distribution hashtype hashpolicy loadbalancer",
  boundedLoad: "hashbalancefactor balancefactor",
  ejectAfter:
    "maxfails autoejecthosts serverfailurelimit outlierdetection passivehealthcheck observe errorlimit onerror consecutive5xx consecutivegatewayfailure",
  ejectTime: "failtimeout serverretrytimeout baseejectiontime",
  check: "healthcheck httpchk tcpcheck healthchecks tcphealthcheck redischeck pgsqlcheck",
  checkInterval: "inter interval fastinter downinter healthcheckinterval",
  checkJitter: "spreadchecks intervaljitter intervaljitterpercent",
  checkRise: "rise healthythreshold",
  checkFall: "fall unhealthythreshold",
  onDown: "onmarkeddown closeconnectionsonhosthealthfailure proxysessiondrop",
  keepAlive:
    "tcpka sokeepalive clitcpka srvtcpka tcpkeepalive proxysocketkeepalive clitcpkaidle srvtcpkaidle keepalivetime keepaliveidle tcpkeepalivetime",
  keepAliveInterval: "clitcpkaintvl srvtcpkaintvl tcpkeepaliveintvl tcpkeepaliveinterval",
  keepAliveProbes: "clitcpkacnt srvtcpkacnt tcpkeepaliveprobes keepalivecount",
  tcpUserTimeout: "tcput tcpusertimeoutms",
  allow: "whitelist allowlist ipallowlist ipwhitelist sourcerange",
  deny: "blacklist denylist",
  dnsServers: "resolver resolvers nameserver nameservers dnsresolvers dnsserver",
  workers: "nbthread nbproc threads concurrency workerprocesses workerthreads cpus",
  admin:
    "statssocket statsuri statsport statsaddr metrics metricsaddr metricsaddress metricsport prometheus dashboard statspage adminaddress adminport healthz api",
  user: "uid",
  group: "gid",
  segmentSize: "bufsize tunebufsize proxybuffersize mbufsize",
  verbose: "loglevel debug",
  name: "statprefix",
  sourceAddress: "source proxybind bindinterface through srcaddr upstreambindconfig bindconfig",
  clientBurst: "burst",
  preambleTimeout:
    "prereadtimeout proxyprotocoltimeout acceptproxytimeout inspectdelay listenerfilterstimeout timeoutclienths",
  retries: "retryon maxretries connretries",
  retryPause: "retrydelay retryinterval backoff",
  backlog: "tcpbacklog somaxconn listenbacklog",
  drainDelay: "grace requestacceptgracetimeout",
  accessLog: "log tcplog logfile accesslogpath",
  accessLogStarts: "logasap flushaccesslogonconnected",
  accessLogEvery: "accesslogflushinterval",
  refuse: "reject silentdrop tarpit timeouttarpit",
  panicThreshold: "healthypanicthreshold",
  slowStart: "slowstartconfig slowstartwindow",
  checkAddress: "healthcheckport checkport checkaddr",
  checkTls: "checkssl",
  tlsCert: "crt cert certs certificate certificates sslcertificate",
  tlsKey: "sslcertificatekey",
  upstreamTls: "proxyssl",
  upstreamTlsName: "proxysslname verifyhost",
  upstreamTlsVerify: "proxysslverify",
  upstreamTlsCa: "cafile proxyssltrustedcertificate",
  checkTlsName: "checksni",
  checkTlsAlpn: "checkalpn",
  checkProxyProtocol: "checksendproxy",
  checkSend: "tcpchecksend",
  checkExpect: "tcpcheckexpect",
  onUp: "onmarkedup",
  dnsMaxTtl: "valid dnsrefreshrate holdvalid",
  dnsAllow: "resolvenet",
  route: "usebackend useserver acl tcprequest splitclients filterchains virtualhosts routers",
  routes:
    "sni alpn servernames sslpreread tlsinspector reqsslsni reqsslalpn hostsni hostsniregexp applicationprotocols",
  unixMode: "socketmode socketpermissions unixsocketperm unixsocketmode unixbind",
  adminToken: "statsauth",
  backup: "priority",
  valkeyConnections: "serverconnections backendconns",
};

/** Of anything by UDP. */
export const NO_UDP = "UDP is not supported";
const HAS_TLS = "TLS of clients ends with tlsCert and tlsKey, and TLS to upstreams is upstreamTls";

/** What others have and ringway has not, or always has, by the sentence that says so. */
export const missingHere: Readonly<Record<string, string>> = {
  [NO_UDP]: "udp quic proxyresponses",
  [HAS_TLS]: "ssl tls verify sslmode transportsocket",
  "certificates are files, which other programs get and renew": "certresolver acme",
  "ringway stays in the foreground, where service managers want it":
    "daemon daemonize background pidfile masterworker masterprocess",
  "there are no sections: what stands at the top of the file holds for all listeners":
    "global defaults events stream",
  "an address has its host and its port, as in host:port": "host hostname ip port",
  "a file has all in it; one in TypeScript may import others": "include includes confdir",
  "the log goes to stderr, where service managers keep it": "errorlog",
  "lines of the access log are JSON, with fields that stay the same": "logformat accesslogformat",
  [NO_SYSLOG]: "syslog",
  "the limit of descriptors is the service manager's, as LimitNOFILE of systemd":
    "ulimitn nofile workerrlimitnofile rlimitnofile maxopenfiles",
  "workers are not bound to processors: taskset or CPUAffinity of systemd does that":
    "cpumap cpupolicy cpuaffinity workercpuaffinity threadgroups",
  "another root is for the service manager to give, as RootDirectory of systemd": "chroot",
  "each worker has a listening socket of its own already": "reuseport shards",
  'balance = "hash" keeps a client with its upstream, and needs no table':
    "sticktable stick stickon stickmatch stickystore peers",
  "connections per second are limited for each client (clientRate) or network (networkRate), not for all":
    "maxconnrate maxsessrate ratelimitsessions",
  "the kernel sizes the buffers of sockets":
    "sndbuf rcvbuf sosndbuf sorcvbuf tunesndbuf tunercvbuf",
  "TCP_NODELAY is always on": "nodelay tcpnodelay",
  "clientIdleTimeout and upstreamIdleTimeout look at one direction each, idleTimeout at both":
    "independentstreams",
  "TCP Fast Open is not supported": "tfo fastopen tcpfastopen",
  "[::] accepts IPv4 as well, 0.0.0.0 IPv4 alone": "ipv6only v6only v4v6",
  "sendProxyProtocol tells an upstream who the client is; dials are not transparent":
    "transparent usesrc originalsrc tproxy",
  "nothing is bound to an interface: listen and sourceAddress take its address": "interface",
  "all backups are used together, as balance has it": "allbackups",
  "weight = 0 takes an upstream out, or `ringway upstreams` while the proxy runs": "down disabled",
  "agents are not asked: `ringway upstreams` and the admin API change weights":
    "agentcheck agentport agentaddr agentinter agentsend",
  "no command is run for a check: send-expect asks and judges":
    "externalcheck externalcheckcommand",
  "names are always kept resolved, and no start waits for them": "resolve initaddr",
  "a name's addresses of both families are dialled beside each other":
    "resolveprefer dnslookupfamily",
  'clients have a connection to the upstream each, or share some with mode = "valkey"':
    "preconnect poolsize poolmode defaultpoolsize redis redisproxy",
  "clients log in and select their database themselves": "redisauth redisdb",
  "no upstream is chosen by a command's key": "hashtag enablehashtagging",
  "no time is set for a command: upstreams that hang are found by check": "optimeout",
};

/**
 * Values of settings, by what ringway calls them; a setting that has no such value passes it over.
 */
export const valuesOfOthers: Readonly<Record<string, string>> = {
  "round-robin": "roundrobin staticrr rr wrr weighted weightedroundrobin",
  "least-relays": "leastconn leastconnections leastrequest",
  hash: "source iphash sourceip clientip ringhash maglev consistent ketama modula remoteaddr $remoteaddr hash$remoteaddr hash$remoteaddrconsistent",
  "two-choices": "p2c random(2) randomtwo randomtwoleastconn powerof2choices poweroftwo",
  first: "failover pickfirst priority activepassive",
  bidirectional: "tcp stream bidi",
  oneway: "unidirectional",
  sink: "discard blackhole",
  valkey: "redis redisproxy resp",
  tcp: "tcpcheck connect layer4 l4 on",
  http: "httpchk httpget",
  redis: "valkey redischeck",
  "redis-primary": "redismaster",
  "redis-replica": "redisslave",
  postgres: "pgsql pgsqlcheck postgresql",
  "send-expect": "tcpsendexpect",
  uring: "iouring",
  close: "shutdownsessions shutdownbackupsessions",
  required: "acceptproxy on v1 v2",
  v1: "sendproxy",
  v2: "sendproxyv2",
  reset: "reject rst",
  wait: "queue",
  refuse: "reject",
  none: "off disabled",
  off: "disabled none never infinite forever unlimited",
};

const NO_HTTP = "HTTP is not understood: its bytes are relayed as they are, by bidirectional";

/**
 * Values that stand for what ringway does not have, each with a value of the setting that it is
 * said of.
 */
export const missingValues: readonly (readonly [
  word: string,
  of: string | null,
  sentence: string,
])[] = [
  ["udp", null, NO_UDP],
  ["quic", null, NO_UDP],
  ["http", "bidirectional", NO_HTTP],
  [
    "leasttime",
    "least-relays",
    "how long an upstream takes is not looked at: least-relays is nearest",
  ],
];
