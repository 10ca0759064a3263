import { expect, test } from "bun:test";
import { flags } from "./flags.ts";
import { renderHelp } from "./help.ts";

test("the help", () => {
  expect(renderHelp("bun run proxy", "1.2.3")).toMatchInlineSnapshot(`
    "ringway 1.2.3: relays TCP connections to upstreams in bounded memory

    Usage: bun run proxy [flags]
           bun run proxy COMMAND --help

    Examples:
      bun run proxy                                   try it: with a Redis built in
      bun run proxy -l :6380 -u 127.0.0.1:6379        port 6380 to port 6379 here
      bun run proxy -u db1:5432 -u db2:5432           two upstreams, each in turn
      bun run proxy -l unix:/tmp/r.sock -u db1:5432   from a unix socket
      bun run proxy -m sink --stats json              swallow and count

    Commands:
      check                          whether a configuration FILE is right
      init                           write an example of a configuration FILE
      schema                         print a JSON Schema of it, for editors
      doctor                         what this machine allows, and remedies
      relays                         list the relays of a running proxy
      plan                           what a reload of it would change
      reload                         have it read its configuration anew
      drain                          let it finish its relays and stop

    What to relay:
      -l, --listen ADDR              accept clients here (repeatable)
                                     [127.0.0.1:6380]
      -u, --upstream ADDR            relay them to here (repeatable, each in turn)
                                     [a demo built in]
      -m, --mode MODE                bidirectional, oneway (client to upstream only)
                                     or sink (no upstream: receive, count, discard)
                                     [bidirectional]
      -c, --config FILE              settings from a file; flags win over it
          --watch                    reload when that file changes, as at SIGHUP

    Limits:
          --connect-timeout TIME     give a dial to an upstream up after this [5s]
          --half-close-timeout TIME  cut a relay that stands still for this long
                                     after one of its ends has finished [1m]
          --drain-timeout TIME       what running relays get at a stop [10s]
      -b, --segment-size SIZE        size of one buffer, a power of two, 4KiB…1MiB
                                     [64KiB]
      -n, --segment-count N          most buffers; allocated when needed [4096]

    What is seen of it:
          --access-log WHERE          a JSON line for each relay: none, stdout or a
                                      path (opened anew at SIGHUP) [none]
          --access-log-starts on|off  a line also when a relay starts [off]
          --access-log-every TIME     a line so often for each relay that runs, or
                                      off [off]
          --admin ADDR                serve the admin page, API and metrics here
                                      [none]
          --admin-token TOKEN         what their requests have to show; needed where
                                      others reach them [none]
          --stats FORM                statistics at exit: text, json or none [text]
      -v, --verbose                   log every relay; more statistics

    How to run:
      -e, --engine NAME              auto, sockets or uring (io_uring, Linux) [auto]
      -w, --workers N                threads that relay, or auto: one per processor
                                     [1]
      -V, --version                  print the version
      -h, --help                     print this help

    io_uring (engine uring):
          --uring-receive WORD             multishot or single: one receive goes
                                           on by itself, or is started each time
                                           [multishot]
          --uring-receive-bundles on|off   one receive fills several buffers [off]
          --uring-receive-messages on|off  RECVMSG instead of RECV [off]
          --uring-incremental on|off       fill buffers bit by bit (Linux 6.12)
                                           [off]
          --uring-send WORD                plain, message (gathers what waits),
                                           zerocopy, zerocopy-message, ring or
                                           bundle (from rings of buffers) [plain]
          --uring-taskrun WORD             when completions are worked on: defer
                                           (when waited for) or coop [defer]
          --uring-sqpoll TIME              a thread of the kernel submits; it sleeps
                                           after TIME; or off. Makes taskrun coop
                                           [off]
          --uring-fixed-files on|off       put sockets into the ring's table [off]
          --uring-huge-pages on|off        buffers on huge pages [off]
          --uring-entries N                submissions, a power of two, 16…32768
                                           [1024]
          --uring-wait-count N             completions to wait for, or adaptive
                                           [adaptive]
          --uring-wait-timeout TIME        after this, fewer are enough [100us]
          --uring-napi WORD                poll the network device: off, busy or
                                           prefer (instead of interrupts) [off]
          --uring-napi-timeout TIME        poll it for this long [50us]
          --uring-buffer-size SIZE         a buffer of chatty flows, a power of two,
                                           256…64KiB [4KiB]
          --uring-buffer-count N           so many at first, 1…1024 [64]
          --uring-large-buffer-size SIZE   a buffer of bulk flows, a power of two,
                                           16KiB…4MiB [1MiB]

    ADDR is host:port, [ipv6]:port, unix:/path or unix:@name (abstract, Linux);
         for --listen also :port (all addresses), and port 0 picks a free one.
    TIME is 500ms, 5s, 2m, 1h or a plain number of seconds; 50us for short ones of
         --uring.
    SIZE is 64KiB, 64k, 1MiB or a plain number of bytes.
    FILE is TOML, YAML, JSON, TypeScript or JavaScript (its default export). Its
         keys are the long flags in camelCase, such as connectTimeout = "5s";
         listen and upstream are an address or a list of them. --uring flags are
         keys of a table of that name, such as [uring] receive = "single". Several
         [[listeners]] have name, listen, upstreams, mode, connectTimeout and
         halfCloseTimeout of their own. "\${NAME}" or "\${NAME:-default}" in a text is
         an environment variable.

    Flags win over the file: --mode and the timeouts hold for all its listeners;
    --listen or --upstream replace its [[listeners]] by what the flags say.

    The log goes to stderr, statistics go to stdout, or to stderr where stdout has
    the access log. Ctrl-C or SIGTERM lets running relays finish; a second one ends
    at once. SIGHUP reads the file anew and applies it without ending a relay, and
    opens the access log anew. Exit codes: 0 stopped, 1 could not start, 2 the flags
    or the file are wrong.
    "
  `);
});

test("fits a terminal of 80 columns and has every flag", () => {
  const help = renderHelp("bun run proxy", "1.2.3");
  expect(help.split("\n").filter((line) => line.length > 80)).toEqual([]);
  for (const { name } of flags) expect(help).toContain(` --${name}`);
});

test("promises nothing that this version has not", () => {
  expect(renderHelp("ringway", "1.2.3")).not.toMatch(/udp|tls/i);
});
