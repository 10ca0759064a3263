import { defineConfig } from "ringway";

// What ringway relays, and how. All settings are here; those after // have the
// value that they have anyway.
//
// ringway check ringway.ts   says whether this file is right
// ringway -c ringway.ts      starts the proxy; flags win over the file
//
// Addresses are "host:port", ":port", "[::1]:port", "unix:/path", "unix:@name".
// Times are "500ms", "5s", "2m", "1h" or a number of seconds.
// Sizes are "64KiB", "1MiB" or a number of bytes.
// Environment variables are in Bun.env.

export default defineConfig({
  // For the whole proxy.
  //engine: "auto",            // auto, sockets or uring (io_uring, Linux)
  //workers: 1,                // threads that relay
  //drainTimeout: "10s",       // what running relays get at a stop
  //segmentSize: "64KiB",      // one buffer, a power of two
  //segmentCount: 4096,        // most buffers; allocated when needed
  //accessLog: "none",         // a JSON line per relay: stdout or a path
  //accessLogStarts: false,    // a line also when a relay starts
  //accessLogEvery: "off",     // or a time: a line so often while a relay runs
  //admin: "none",             // the admin page: 127.0.0.1:9600 or unix:/path
  //adminToken: "none",        // needed where others reach it
  //stats: "text",             // statistics at exit: text, json or none
  //verbose: false,            // log every relay

  // For every listener that does not say it itself.
  //mode: "bidirectional",     // or oneway (nothing comes back), sink (discard)
  //connectTimeout: "5s",      // give a dial to an upstream up after this
  //halfCloseTimeout: "1m",    // cut a relay that stands still for this
  //                           // long after one of its ends has finished

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
  //  napi: "off",             // poll the network device: busy or prefer
  //  napiTimeout: "50us",     // poll it for this long
  //  bufferSize: "4KiB",      // a buffer of chatty flows, a power of two
  //  bufferCount: 64,         // so many at first
  //  largeBufferSize: "1MiB", // a buffer of bulk flows, a power of two
  //},
});
