import { Figures, type Values } from "./figure.ts";

/*
 * The list of figures: what ringway counts, and how it shows that. Rows of shared memory, totals of
 * workers, the library's types, JSON and metrics are made from it. A new figure is an entry here
 * and the place that counts it.
 */

/** What one direction did. Counts since the relay (or, in totals, the engine) began. */
export const flowFigures = new Figures((figure) => ({
  receives: figure({
    metric: "ringway_receives_total",
    help: "Receives that brought bytes.",
    column: "receives",
  }),
  /** Receives that brought less than one segment. */
  shortReceives: figure({ column: "(short)" }),
  /** The uring engine counts a silent send when its loop wakes next, at most a second later. */
  sends: figure({ metric: "ringway_sends_total", help: "Sends to targets.", column: "sends" }),
  /** Sends of which the target took only a part. */
  shortSends: figure({ column: "(short)" }),
  /** Times the source was not read because its target was slow. */
  pauses: figure({
    metric: "ringway_pauses_total",
    help: "Times a source was not read because its target was slow.",
    column: "pauses",
  }),
  /** Times the source was not read because the pool was empty. */
  poolEmpty: figure({
    metric: "ringway_pool_waits_total",
    help: "Times a source was not read because the pool was empty.",
    column: "no memory",
  }),
  /** Bytes taken from the source. */
  receivedBytes: figure({ column: "bytes" }),
  /** Bytes that the target's kernel took. */
  sentBytes: figure(),
  /** Bytes received and thrown away by the mode (`oneway`, `sink`). */
  discardedBytes: figure(),
  /** Bytes received that no target got: `received = sent + discarded + lost + queued now`. */
  lostBytes: figure({
    metric: "ringway_lost_bytes_total",
    help: "Bytes received but not delivered, because the relay was refused or cut.",
  }),
}));

/** The index of each flow figure in a row. */
export const FlowCount = flowFigures.place;

/** What one direction did. Counts since the relay (or, in totals, the engine) began. */
export type FlowStats = Values<typeof flowFigures>;

/** Relays of an engine; metrics have them by listener. */
export const relayFigures = new Figures((figure) => ({
  accepted: figure(),
  running: figure(),
  ended: figure(),
}));

/** An engine's memory. */
export const memoryFigures = new Figures((figure) => ({
  segmentSize: figure({ together: "most" }),
  segmentCount: figure({
    metric: "ringway_segments",
    help: "The most segments that the pool may have.",
  }),
  segmentsLeased: figure({ metric: "ringway_segments_leased", help: "Segments in use now." }),
  segmentsLeasedMax: figure({
    metric: "ringway_segments_leased_max",
    help: "The most segments that were in use at once.",
  }),
  /** Bytes that the pool has allocated so far. */
  poolBytes: figure({ metric: "ringway_pool_bytes", help: "Memory allocated for the pool." }),
  /** Bytes allocated so far for copies to mirrors, in memory apart from the pool. */
  mirrorBytes: figure({
    metric: "ringway_mirror_memory_bytes",
    help: "Memory allocated for copies to mirrors.",
  }),
  /** Bytes of it in use now, in whole segments. */
  mirrorHeldBytes: figure(),
}));

/** What an engine's loop did. */
export const loopFigures = new Figures((figure) => ({
  /** Passes of the loop that had something to do; an estimate while it is quiet. */
  turns: figure({
    metric: "ringway_turns_total",
    help: "Passes of the loop that had something to do; an estimate while it is quiet.",
  }),
  /** Events (receives, writable notices, ends, closes, connections) in all turns. */
  events: figure({ metric: "ringway_events_total", help: "Events in all passes of the loop." }),
}));

/** What the ring did. */
export const ringFigures = new Figures((figure) => ({
  /** Operations submitted to io_uring. */
  submissions: figure({
    metric: "ringway_ring_submissions_total",
    help: "Operations submitted to io_uring.",
  }),
  /** Completions received from io_uring. */
  completions: figure({
    metric: "ringway_ring_completions_total",
    help: "Completions received from io_uring.",
  }),
  /** Sends that completed at once, without a completion. */
  silentSends: figure({
    metric: "ringway_ring_silent_sends_total",
    help: "Sends that completed at once, without a completion.",
  }),
  /** Receives that found no provided buffer. */
  receivesWithoutBuffer: figure({
    metric: "ringway_ring_receives_without_buffer_total",
    help: "Receives that found no provided buffer.",
  }),
  /** Turns after which completions waited in the kernel because their queue was full. */
  overflows: figure({
    metric: "ringway_ring_overflows_total",
    help: "Turns after which completions waited in the kernel.",
  }),
}));

/** What else an engine counts. */
export const engineFigures = new Figures((figure) => ({
  /** Times accepting was stopped because descriptors or memory ran out. */
  acceptPauses: figure({
    metric: "ringway_accept_pauses_total",
    help: "Times accepting was paused because descriptors or memory ran out.",
  }),
  /** Relays whose route function threw, was late or returned an invalid answer. */
  routeFailures: figure({
    metric: "ringway_route_failures_total",
    help: "Relays whose route function threw, was late or returned an invalid answer.",
  }),
}));

/** Numbers of an engine that other figures are made from. */
const innerFigures = new Figures((figure) => ({
  /** 1 if there is a ring. */
  hasRing: figure(),
  /** The memory of copies to mirrors; from here on as `PoolCount`. */
  mirrorSegmentsLeased: figure(),
  mirrorSegmentsLeasedMax: figure(),
  mirrorPoolBytes: figure(),
}));

/** Everything that an engine counts, in one row, group after group. */
export const engineRow = new Figures(() => ({
  ...relayFigures.zeros,
  ...memoryFigures.zeros,
  ...loopFigures.zeros,
  ...ringFigures.zeros,
  ...engineFigures.zeros,
  ...innerFigures.zeros,
}));

/** The index of each figure in that row. A pool counts from `segmentsLeased` on, as `PoolCount`. */
export const Count = engineRow.place;

/** What a listener counts. */
export const listenerFigures = new Figures((figure) => ({
  accepted: figure({
    metric: "ringway_relays_accepted_total",
    help: "Clients accepted.",
  }),
  running: figure({ metric: "ringway_relays_running", help: "Relays that are running." }),
  /** Running relays that wait for room at an upstream, or for one that can be reached. */
  waiting: figure({
    metric: "ringway_relays_waiting",
    help: "Relays that wait for room, or for an upstream that can be reached.",
  }),
  /** Dials to upstreams: more than relays if another upstream had to be tried. */
  dials: figure({
    metric: "ringway_dials_total",
    help: "Dials to upstreams. More than relays if another upstream had to be tried.",
  }),
  /** TLS handshakes of its clients that have succeeded; others are reasons. Metrics have them by version. */
  tlsHandshakes: figure(),
  /** Of these: an earlier session was resumed. */
  tlsResumed: figure({
    metric: "ringway_tls_resumed_total",
    help: "TLS handshakes with clients that resumed an earlier session.",
  }),
  /** Of these: TLS 1.2, and not 1.3. */
  tls12: figure(),
}));

export const ListenerCount = listenerFigures.place;

/**
 * The relays of a listener with one upstream. The counts of reasons follow in the row, in their
 * order.
 */
export const upstreamFigures = new Figures((figure) => ({
  /** Bytes from clients, including those of running relays. */
  upBytes: figure(),
  /** Bytes from the upstream, including those of running relays. */
  downBytes: figure(),
}));

export const UpstreamCount = upstreamFigures.place;

/**
 * The copies to a mirror. The counts of reasons for dropped copies follow in the row, in their
 * order.
 */
export const mirrorFigures = new Figures((figure) => ({
  /** Relays that were to be copied: `begun = running + completed + all of dropped`. */
  begun: figure({
    metric: "ringway_mirror_copies_total",
    help: "Relays that were to be copied to the mirror.",
  }),
  /** Running copies, including those whose relay has ended. */
  running: figure({
    metric: "ringway_mirror_copies_running",
    help: "Copies to the mirror that are running.",
  }),
  /** Copies that the mirror received completely. */
  completed: figure(),
  /** Bytes that the kernel took, the mirror's or ours. */
  bytes: figure({ metric: "ringway_mirror_bytes_total", help: "Bytes sent to the mirror." }),
}));

export const MirrorCount = mirrorFigures.place;

/** The clients and connections of a listener of mode `valkey`. */
export const valkeyFigures = new Figures((figure) => ({
  clients: figure({ metric: "ringway_valkey_clients", help: "Clients that are connected." }),
  /** Of these: they wait for a leased connection. */
  clientsWaiting: figure({
    metric: "ringway_valkey_clients_waiting",
    help: "Clients that wait for a leased connection.",
  }),
  /** Metrics have connections by kind. */
  sharedConnections: figure(),
  leasedConnections: figure(),
  idleConnections: figure(),
  repliesOwed: figure({
    metric: "ringway_valkey_replies_owed",
    help: "Requests that were sent and not answered yet, those that wait for their turn's end included.",
  }),
  lostConnections: figure({
    metric: "ringway_valkey_connections_lost_total",
    help: "Connections to upstreams that ended although ringway had not closed them.",
  }),
  /** Requests that ringway has answered with an error of its own. */
  ownErrors: figure({
    metric: "ringway_valkey_own_errors_total",
    help: "Requests that ringway answered with an error of its own, such as one for a lost connection.",
  }),
  slowClients: figure({
    metric: "ringway_valkey_slow_clients_total",
    help: "Clients that were closed because they did not take their replies.",
  }),
}));

export const ValkeyCount = valkeyFigures.place;

/**
 * A command of a listener of mode `valkey`. Two histograms follow in the row, of the time at the upstream and of the
 * time before that; see `latency.ts`. Calls are what they count.
 */
export const commandFigures = new Figures((figure) => ({
  /** Times that a client was relayed as it is from such a command on, so that what follows is not counted. */
  relayed: figure({
    metric: "ringway_valkey_relayed_total",
    help: "Clients that got a connection of their own for good with such a command: what follows is not counted.",
  }),
  errors: figure({
    metric: "ringway_valkey_command_errors_total",
    help: "Replies of upstreams that were errors.",
  }),
  requestBytes: figure({
    metric: "ringway_valkey_request_bytes_total",
    help: "Bytes of the requests that were answered.",
  }),
  replyBytes: figure({ metric: "ringway_valkey_reply_bytes_total", help: "Bytes of replies." }),
  /** Milliseconds of all calls, from when they were sent until their replies were whole. */
  upstreamMs: figure(),
  /** Milliseconds of all calls before they were sent. */
  waitMs: figure(),
}));

export const CommandCount = commandFigures.place;
