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
      top                            show a running proxy, live
      relays                         list the relays of a running proxy
      upstreams                      list or change its upstreams
      plan                           what a reload of it would change
      reload                         have it read its configuration anew
      drain                          let it, or one listener, finish and stop

    What to relay:
      -l, --listen ADDR              accept clients here (repeatable)
                                     [127.0.0.1:6380]
      -u, --upstream ADDR            relay them to here (repeatable, each in turn);
                                     srv:_name._tcp.domain is a service in DNS
                                     [a demo built in]
      -m, --mode MODE                bidirectional, oneway (client to upstream only)
                                     or sink (no upstream: receive, count, discard)
                                     [bidirectional]
      -c, --config FILE              settings from a file; flags win over it
          --watch                    reload when that file changes, as at SIGHUP

    Choosing an upstream:
          --balance POLICY           round-robin, least-relays, two-choices, random,
                                     first or hash (of the client's address)
                                     [round-robin]
          --bounded-load N           for hash: at most N times its share of relays,
                                     such as 1.25 [off]
          --backup-when-full on|off  backups take what is over maxRelays, too [off]
          --tries N                  dials for a relay, each of another upstream [3]
          --retries N                when none of them has answered, begin anew so
                                     many times, each after a pause [0]
          --retry-pause TIME         of so long [1s]
          --dial-budget TIME         all dials and waits of a relay together [off]
          --queue-timeout TIME       wait for room when all are full [off]
          --queue-size N             relays of a worker that may wait so [1024]
          --hold-timeout TIME        hold clients while no upstream can be
                                     reached [off]
          --source-address IP        dial from this address of the machine, or
                                     these two: IPv4,IPv6 [none]
          --dns-servers ADDRS        ask these for names and services, such as
                                     127.0.0.1:8600; apart by commas [system]
          --dns-min-ttl TIME         their answers hold for at least this [1s]
          --dns-max-ttl TIME         and for at most this [5m]
          --dns-allow NETWORKS       DNS may answer with these only: 10.0.0.0/8,
                                     or 10.0.0.0/8:6379 for services [any]

    Their health:
          --check KIND               none, tcp, redis, redis-primary, redis-replica,
                                     postgres, http or send-expect [none]
          --check-interval TIME      between two checks [2s]
          --check-timeout TIME       a check has failed then [1s]
          --check-rise N             checks until it is up again [2]
          --check-fall N             failed checks until it is down [3]
          --check-address ADDR       check this instead; :PORT is one of the
                                     upstream's own host [none]
          --check-proxy-protocol V   PROXY header before it: off, v1, v2 or auto
                                     (as relays, unless to another address) [auto]
          --check-user NAME          who checks redis or postgres
          --check-password WORD      for redis; others see it here, so rather
                                     file:PATH
          --check-path PATH          what http asks for [/]
          --check-host NAME          its Host
          --check-status RANGE       what it expects [200-399]
          --check-send TEXT          what send-expect sends, with \\r, \\n, \\xHH
          --check-expect TEXT        what must come back: text, or
                                     /a regular expression/
          --check-tls on|off         check by TLS [off]
          --check-tls-name NAME      whom the certificate has to be for; none:
                                     the host that is checked [none]
          --check-tls-verify on|off  the certificate has to be right [on]
          --check-tls-ca FILE        authorities (PEM); none: those built in [none]
          --check-tls-cert FILE      what checks show of themselves (PEM) [none]
          --check-tls-key FILE       its key (PEM) [none]
          --check-tls-alpn WORDS     offer these protocols by ALPN [none]
          --eject-after N            failed dials in a row that keep new relays
                                     away for a while; 0 for never [3]
          --eject-time TIME          for so long at first [30s]
          --panic-threshold PERCENT  with less of the weight open, all are
                                     open; 0 for never [0]
          --slow-start TIME          one that is up again gets its whole weight
                                     after this [off]
          --on-down WHAT             relays of one that is down: keep, close or
                                     a time [keep]
          --on-up WHAT               of backups when one that is none is up again:
                                     likewise [keep]
          --on-remove WHAT           of one that a reload takes away: likewise
                                     [keep]

    Who may come in:
          --allow NETS                   only clients of 10.0.0.0/8,::1 and such, or
                                         file:PATH
          --deny NETS                    not these
          --max-relays N                 relays at a time; 0 for any number [0]
          --total-relays N               relays of all listeners together [0]
          --when-full WHAT               who comes when there are so many: refuse,
                                         or wait for room [refuse]
          --full-timeout TIME            for so long at most [30s]
          --max-relays-per-client N      relays of one client at a time [0]
          --client-rate N                connections per second of one client [off]
          --client-burst N               so many at once after a rest [20]
          --max-relays-per-network N     relays of a /24, IPv6: a /48, at a time [0]
          --network-rate N               connections per second of a network [off]
          --network-burst N              so many at once after a rest [100]
          --up-rate SIZE                 bytes per second that a relay carries from
                                         its client [off]
          --down-rate SIZE               the same to its client [off]
          --refuse HOW                   who may not come in: reset, close or a time
                                         to wait in vain [reset]
          --proxy-protocol WHEN          PROXY headers of clients: off, optional or
                                         required [off]
          --proxy-protocol-from NETS     whose are believed; any: whoever connects
          --preamble-timeout TIME        they have to be here by then [5s]
          --send-proxy-protocol VERSION  PROXY headers for upstreams: off, v1 or v2
                                         [off]

    Copies:
          --mirror ADDR              copy what upstreams get to here, too [none]
          --mirror-buffer SIZE       so much of a relay may wait for it; with more
                                     its copy is given up [1MiB]
          --mirror-percent N         copy so many of a hundred relays [100]

    Limits:
          --idle-timeout TIME           end a relay of which nothing has moved for
                                        so long [off]
          --client-idle-timeout TIME    the same where its client has sent nothing
                                        [off]
          --upstream-idle-timeout TIME  the same where its upstream has [off]
          --keep-alive TIME             ask silent ends whether they live after
                                        this, or off [1m]
          --unix-mode MODE              permissions of unix sockets that are made
                                        [0600]
          --unix-user USER              their user, by name or number
          --unix-group GROUP            their group, by name or number
          --backlog N                   connections that wait for being accepted;
                                        at most net.core.somaxconn [4096]
          --keep-alive-interval TIME    ask again so often [10s]
          --keep-alive-probes N         an end is gone after so many in vain [6]
          --tcp-user-timeout TIME       an end is gone that acknowledges nothing
                                        for so long [off]
          --lifetime TIME               end a relay then, up to a tenth earlier
                                        [off]
          --connect-timeout TIME        give a dial to an upstream up after this
                                        [5s]
          --half-close-timeout TIME     cut a relay that stands still for this long
                                        after one of its ends has finished [1m]
          --drain-delay TIME            accept so long after a signal to stop, while
                                        /readyz says no; then drain [off]
          --drain-timeout TIME          what running relays get at a stop [10s]
      -b, --segment-size SIZE           size of a buffer, a power of two, 4KiB…1MiB
                                        [64KiB]
      -n, --segment-count N             most buffers; allocated when needed [4096]

    What is seen of it:
          --access-log WHERE          a JSON line for each relay: none, stdout or a
                                      path (opened anew at SIGUSR1) [none]
          --access-log-starts on|off  a line also when a relay starts [off]
          --access-log-every TIME     a line so often for each relay that runs, or
                                      off [off]
          --access-log-mode MODE      permissions of its file when it is made [0640]
          --access-log-user USER      its user then, by name or number
          --access-log-group GROUP    its group then, by name or number
          --admin ADDR                serve the admin page, API and metrics here
                                      [none]
          --admin-token TOKEN         what their requests have to show (file:PATH:
                                      in a file); needed where others reach them
                                      [none]
          --admin-read-token TOKEN    the same of those who may only look [none]
          --ready-when WHAT           /readyz says ready: accepting, or only while
                                      each listener has upstreams [accepting]
          --stats FORM                statistics at exit: text, json or none [text]
      -v, --verbose                   log every relay; more statistics

    How to run:
      -e, --engine NAME              auto, sockets or uring (io_uring, Linux) [auto]
      -w, --workers N                threads that relay, or auto: one per processor
                                     [1]
          --user NAME                become this user once all sockets are open
                                     (Linux, started as root) [none]
          --group NAME               of this group; unless given, the user's own
                                     [none]
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
          --uring-yield WORD               always, never or auto (several workers):
                                           let others run before a wait [auto]
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
    opens the access log anew; SIGUSR1 does that alone; SIGUSR2 does nothing. Exit
    codes: 0 stopped, 1 could not start, 2 the flags or the file are wrong, 130 or
    143 ended by a second SIGINT or SIGTERM.
    "
  `);
});

test("fits a terminal of 80 columns and has every flag", () => {
  const help = renderHelp("bun run proxy", "1.2.3");
  expect(help.split("\n").filter((line) => line.length > 80)).toEqual([]);
  for (const { name } of flags) expect(help).toContain(` --${name}`);
});

test("promises nothing that this version has not", () => {
  const help = renderHelp("ringway", "1.2.3").replaceAll(/check(-| by )tls/gi, "");
  expect(help).not.toMatch(/udp|tls/i);
});
