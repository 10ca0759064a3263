import { Figures, type Values } from "./figure.ts";

/*
 * The list of figures: what is counted, of what, and how it is shown. Rows of shared memory, what workers have
 * together, the types of a library, JSON and metrics are made of it. A new figure is an entry here and the
 * place where it is counted.
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
  /** The uring engine counts a send that told nothing when its loop wakes next, a second later at most. */
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

/** Where a row has each of them. */
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
  /** Bytes that the pool has taken so far. */
  poolBytes: figure({ metric: "ringway_pool_bytes", help: "Memory allocated for the pool." }),
  /** Bytes that the memory of copies to mirrors has taken so far; it is none of the pool's. */
  mirrorBytes: figure({
    metric: "ringway_mirror_memory_bytes",
    help: "Memory allocated for copies to mirrors.",
  }),
  /** Bytes of that in which something waits now, in whole segments. */
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

/** What an io_uring has done. */
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
  /** Sends that were over silently when they were submitted. */
  silentSends: figure({
    metric: "ringway_ring_silent_sends_total",
    help: "Sends that completed at once, without a completion.",
  }),
  /** Receives that found no provided buffer. */
  receivesWithoutBuffer: figure({
    metric: "ringway_ring_receives_without_buffer_total",
    help: "Receives that found no provided buffer.",
  }),
  /** Turns at the end of which completions waited in the kernel, as their queue was full. */
  overflows: figure({
    metric: "ringway_ring_overflows_total",
    help: "Turns after which completions waited in the kernel.",
  }),
}));

/** What an engine counts beside. */
export const engineFigures = new Figures((figure) => ({
  /** Times accepting was stopped because descriptors or memory ran out. */
  acceptPauses: figure({
    metric: "ringway_accept_pauses_total",
    help: "Times accepting was paused because descriptors or memory ran out.",
  }),
  /** Relays whose listener's route function has failed: it threw, was late or answered nonsense. */
  routeFailures: figure({
    metric: "ringway_route_failures_total",
    help: "Relays whose route function threw, was late or returned nonsense.",
  }),
}));

/** Numbers of an engine that others are made of. */
const innerFigures = new Figures((figure) => ({
  /** 1 when there is a ring. */
  hasRing: figure(),
  /** The memory of copies to mirrors; from here on as `PoolCount`. */
  mirrorSegmentsLeased: figure(),
  mirrorSegmentsLeasedMax: figure(),
  mirrorPoolBytes: figure(),
}));

/** Everything that an engine counts on one row, group after group. */
export const engineRow = new Figures(() => ({
  ...relayFigures.zeros,
  ...memoryFigures.zeros,
  ...loopFigures.zeros,
  ...ringFigures.zeros,
  ...engineFigures.zeros,
  ...innerFigures.zeros,
}));

/** Where that row has each of them; a pool counts in a part of it, from `segmentsLeased` on as `PoolCount`. */
export const Count = engineRow.place;

/** What a listener counts. */
export const listenerFigures = new Figures((figure) => ({
  accepted: figure({
    metric: "ringway_relays_accepted_total",
    help: "Clients accepted.",
  }),
  running: figure({ metric: "ringway_relays_running", help: "Relays that are running." }),
  /** Of those that run: they wait for room at an upstream, or for one that can be reached. */
  waiting: figure({
    metric: "ringway_relays_waiting",
    help: "Relays that wait for room, or for an upstream that can be reached.",
  }),
  /** Dials of upstreams that were begun: more than relays where others had to be tried. */
  dials: figure({
    metric: "ringway_dials_total",
    help: "Dials to upstreams. More than relays if another upstream had to be tried.",
  }),
  tlsHandshakes: figure({
    metric: "ringway_tls_handshakes_total",
    help: "TLS handshakes with clients that succeeded. Failed ones count as reasons.",
  }),
  /** Of these: an earlier session was resumed. */
  tlsResumed: figure({
    metric: "ringway_tls_resumed_total",
    help: "TLS handshakes with clients that resumed an earlier session.",
  }),
  /** Of these: TLS 1.2, and not 1.3. */
  tls12: figure({
    metric: "ringway_tls12_handshakes_total",
    help: "TLS handshakes with clients that agreed on TLS 1.2 and not 1.3.",
  }),
}));

export const ListenerCount = listenerFigures.place;

/** What is counted of a listener's relays with one upstream; a row has reasons behind, in their order. */
export const upstreamFigures = new Figures((figure) => ({
  /** Bytes from clients, those of relays that run included. */
  upBytes: figure(),
  /** Bytes from the upstream, likewise. */
  downBytes: figure(),
}));

export const UpstreamCount = upstreamFigures.place;

/** What is counted of copies to a mirror; a row has reasons of those that were given up behind, in their order. */
export const mirrorFigures = new Figures((figure) => ({
  /** Relays that were to be copied: `begun = running + completed + all of dropped`. */
  begun: figure({
    metric: "ringway_mirror_copies_total",
    help: "Relays that were to be copied to the mirror.",
  }),
  /** Copies that are under way, those included whose relay is over. */
  running: figure({
    metric: "ringway_mirror_copies_running",
    help: "Copies to the mirror that are running.",
  }),
  /** Copies of which the mirror has everything. */
  completed: figure(),
  /** Bytes that the mirror's kernel, or ours, has taken. */
  bytes: figure({ metric: "ringway_mirror_bytes_total", help: "Bytes sent to the mirror." }),
}));

export const MirrorCount = mirrorFigures.place;
