import { defineConfig } from "ringway";

// What ringway relays, and how. All settings are here; those after // have the
// value that they have anyway.
//
// ringway check ringway.ts   says whether this file is right
// ringway -c ringway.ts      starts the proxy; flags win over the file
//
// Addresses are "host:port", ":port", "[::1]:port", "unix:/path", "unix:@name";
// an upstream may also be a service in DNS: "srv:_redis._tcp.example.org".
// Times are "500ms", "5s", "2m", "1h" or a number of seconds.
// Sizes are "64KiB", "1MiB" or a number of bytes.
// Environment variables are in Bun.env.

export default defineConfig({
  // For the whole proxy.
  //engine: "auto",            // auto, sockets or uring (io_uring, Linux)
  //workers: 1,                // threads that relay
  //totalRelays: 0,            // of all listeners; 0 for any number
  //drainDelay: "off",         // accept so long after SIGTERM; /readyz says no
  //drainTimeout: "10s",       // what running relays get at a stop
  //dnsServers: "system",      // or whom to ask for names: "127.0.0.1:8600"
  //dnsMinTtl: "1s",           // their answers hold for at least this
  //dnsMaxTtl: "5m",           // and for at most this
  //dnsAllow: "any",           // or what DNS may answer with: "10.0.0.0/8"
  //segmentSize: "64KiB",      // one buffer, a power of two
  //segmentCount: 4096,        // most buffers; allocated when needed
  //accessLog: "none",         // a JSON line per relay: stdout or a path
  //accessLogStarts: false,    // a line also when a relay starts
  //accessLogEvery: "off",     // or a time: a line so often while a relay runs
  //accessLogMode: "0640",     // permissions of its file when it is made
  //accessLogUser: "root",     // whose it is then, by name or number
  //accessLogGroup: "root",    // its group then
  //admin: "none",             // the admin page: 127.0.0.1:9600 or unix:/path
  //adminToken: "none",        // needed where others reach it
  //adminReadToken: "none",    // of those who may only look
  //readyWhen: "accepting",    // /readyz: or only with upstreams: upstreams
  //user: "none",              // whose it becomes once its sockets are open
  //group: "none",             // of which group; unless given, the user's own
  //stats: "text",             // statistics at exit: text, json or none
  //verbose: false,            // log every relay

  // For every listener that does not say it itself.
  //mode: "bidirectional",     // or oneway (nothing comes back), sink (discard)
  //connectTimeout: "5s",      // give a dial to an upstream up after this
  //halfCloseTimeout: "1m",    // cut a relay that stands still for this
  //                           // long after one of its ends has finished
  //idleTimeout: "off",        // end a relay of which nothing has moved so long
  //clientIdleTimeout: "off",  // the same where its client has sent nothing
  //upstreamIdleTimeout: "off", // the same where its upstream has
  //keepAlive: "1m",           // ask silent ends whether they live, or off
  //keepAliveInterval: "10s",  // how often it asks again
  //keepAliveProbes: 6,        // an end is gone after so many questions in vain
  //tcpUserTimeout: "off",     // or how long an end may acknowledge nothing
  //unixMode: "0600",          // permissions of unix sockets, the admin's, too
  //unixUser: "root",          // whose they are, by name or number
  //unixGroup: "root",         // their group: unixMode "0660" lets it in
  //backlog: 4096,             // who may wait in the kernel for being accepted
  //lifetime: "off",           // end a relay after this, up to a tenth earlier
  //balance: "round-robin",    // least-relays, two-choices, random, first, hash
  //boundedLoad: "off",        // hash: 1.25 times its share of relays at most
  //backupWhenFull: false,     // backups take what is over maxRelays, too
  //tries: 3,                  // dials for a relay, each of another upstream
  //retries: 0,                // begin anew when none has answered, after …
  //retryPause: "1s",          // … this
  //dialBudget: "off",         // all dials and waits of a relay together
  //queueTimeout: "off",       // wait for room when all are full
  //queueSize: 1024,           // relays of a worker that may wait so
  //holdTimeout: "off",        // hold clients while none can be reached
  //sourceAddress: "none",     // dial from this address: "10.0.0.5"
  //check: "none",             // tcp, redis, redis-primary, postgres, http, …
  //checkInterval: "2s",       // four times faster while one is changing
  //checkTimeout: "1s",        // a check has failed then
  //checkRise: 2,              // checks until it is up again
  //checkFall: 3,              // failed checks until it is down
  //checkAddress: "none",      // this instead; :8008 is a port of its host
  //checkProxyProtocol: "auto", // PROXY headers before checks: off, v1, v2
  //checkTls: false,           // check by TLS
  //checkTlsName: "none",      // whom the certificate is for; else the host
  //checkTlsVerify: true,      // the certificate has to be right
  //checkTlsCa: "none",        // a file of authorities; else those built in
  //checkTlsCert: "none",      // a file: what checks show where asked
  //checkTlsKey: "none",       // a file: its key
  //checkTlsAlpn: "none",      // protocols to offer: h2,http/1.1
  //ejectAfter: 3,             // failed dials until new relays stay away
  //ejectTime: "30s",          // so long at first
  //panicThreshold: 0,         // percent; with less open all are
  //slowStart: "off",          // time until one that is up again has its weight
  //onDown: "keep",            // its relays: close, or a time
  //onUp: "keep",              // those of backups, when a primary is back
  //onRemove: "keep",          // likewise at a reload
  //maxRelays: 0,              // relays at a time; 0 for any number
  //whenFull: "refuse",        // who comes then: or wait for room …
  //fullTimeout: "30s",        // … for so long at most
  //maxRelaysPerClient: 0,     // likewise of one client
  //clientRate: "off",         // connections per second of one client
  //maxRelaysPerNetwork: 0,    // and of all clients of a /24, IPv6: a /48
  //networkRate: "off",        // connections per second of such a network
  //upRate: "off",             // bytes per second of a relay from its client
  //downRate: "off",           // and to it, such as "1MiB"
  //refuse: "reset",           // or close, or a time to wait in vain
  //proxyProtocol: "off",      // clients' PROXY headers: optional or required
  //preambleTimeout: "5s",     // they have to be here by then
  //sendProxyProtocol: "off",  // v1 or v2: PROXY headers for upstreams
  //mirror: "none",            // an address: a copy of what upstreams get
  //mirrorBuffer: "1MiB",      // so much of a relay may wait for it
  //mirrorPercent: 100,        // so many of a hundred relays are copied

  // As many as you like, each with upstreams and settings of its own.
  listeners: [
    {
      name: "redis",
      listen: "127.0.0.1:6380",
      upstreams: [Bun.env.REDIS ?? "127.0.0.1:6379"],
    },
    //{
    //  name: "postgres",
    //  listen: [":5432", "unix:/run/ringway/postgres.sock"],
    //  upstreams: ["db1:5432", { address: "db2:5432" }],
    //  connectTimeout: "2s",
    //  check: "postgres",     // its user should exist: failures are logged
    //  checkUser: "ringway",
    //},
    //{
    //  name: "sessions",
    //  listen: ":6381",
    //  upstreams: [
    //    { address: "cache1:6379", weight: 2, maxRelays: 5000 },
    //    { address: "cache2:6379", backup: true },
    //    // For itself alone; so may be sendProxyProtocol and onDown.
    //    { address: "cache3:6379", check: "tcp", checkAddress: ":8008" },
    //  ],
    //  check: "redis-primary",
    //  onDown: "close",       // a demoted primary lets its clients go
    //  checkPassword: Bun.env.REDIS_PASSWORD ?? "secret",
    //},
    //{
    //  name: "web",
    //  listen: ":8080",
    //  upstreams: ["web1:80", "web2:80"],
    //  check: "http",
    //  checkPath: "/healthz",
    //  checkHost: "example.org",
    //  checkStatus: "200-299",
    //  allow: ["10.0.0.0/8", "127.0.0.1"],
    //  deny: "10.66.0.0/16",
    //  proxyProtocol: "required",
    //  // Chooses an upstream, labels or refuses: see the README.
    //  route: ({ header }) => ({ label: header?.authority }),
    //  routeTimeout: "100ms", // it has to answer by then
    //  routeFailure: "relay", // as if it were not there; or refuse
    //},
    //{
    //  name: "mail",
    //  listen: ":2525",
    //  upstreams: "mail:25",
    //  check: "send-expect",
    //  checkSend: "EHLO ringway\\r\\n",
    //  checkExpect: "/^220 /",
    //  clientRate: 5,
    //  clientBurst: 20,
    //  networkRate: 50,
    //  networkBurst: 200,
    //  proxyProtocol: "optional",
    //  proxyProtocolFrom: "10.0.0.1",
    //},
  ],

  // How io_uring is used. The defaults are what measures best.
  //uring: {
  //  receive: "multishot",    // or single
  //  receiveBundles: false,   // one receive fills several buffers
  //  receiveMessages: false,  // RECVMSG instead of RECV
  //  incremental: false,      // fill buffers bit by bit (Linux 6.12)
  //  send: "plain",           // message, zerocopy(-message), ring, bundle
  //  taskrun: "defer",        // or coop
  //  sqpoll: "off",           // or a time: a thread of the kernel submits
  //  fixedFiles: false,       // put sockets into the ring's table
  //  hugePages: false,        // buffers on huge pages
  //  entries: 1024,           // submissions, a power of two
  //  waitCount: "adaptive",   // completions to wait for
  //  waitTimeout: "100us",    // after this, fewer are enough
  //  yield: "auto",           // let others run before a wait: always, never
  //  napi: "off",             // poll the network device: busy or prefer
  //  napiTimeout: "50us",     // poll it for this long
  //  bufferSize: "4KiB",      // a buffer of chatty flows, a power of two
  //  bufferCount: 64,         // so many at first
  //  largeBufferSize: "1MiB", // a buffer of bulk flows, a power of two
  //},
});
