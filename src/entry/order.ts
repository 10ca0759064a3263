import type { Stage, Visitor } from "./stage.ts";

/** The stages of a listener; null for each that it does not need. */
export interface Stages<C extends Visitor> {
  readonly steps: Stage<C> | null;
  readonly admission: Stage<C> | null;
  readonly handshake: Stage<C> | null;
  readonly whereabouts: Stage<C> | null;
  readonly byHello: Stage<C> | null;
  readonly route: Stage<C> | null;
}

/**
 * What happens to a client before its upstream is dialled, in this order:
 *
 *     accepted ─► steps ─► admission ─► TLS handshake ─► whereabouts ─► routes ─► route function ─► its kind
 *                   └─────────┴───────────────┴─── refused ────────────────┴────────────┘
 *
 * First ringway learns who the client is, then whether it is admitted, then where it goes. What is
 * done for it is up to its kind.
 */
export function inOrder<C extends Visitor>(stages: Stages<C>): readonly Stage<C>[] {
  const { steps, admission, handshake, whereabouts, byHello, route } = stages;
  const all = [steps, admission, handshake, whereabouts, byHello, route];
  return all.filter((stage) => stage !== null);
}

/** A client whose destination is noted. */
export interface Noted extends Visitor {
  /** The address that it connected to (sockaddr); null if it is unknown, or nothing needs it. */
  destination: Uint8Array | null;
  /** The same as the kernel reports it now; null if it cannot. */
  readonly ownAddress: Uint8Array | null;
}

/**
 * Notes the address that a client connected to, unless its PROXY header has named it. This must
 * happen early: once a client resets, the kernel no longer knows the address.
 */
export const whereabouts: Stage<Noted> = {
  receive(client) {
    client.destination ??= client.ownAddress;
    client.pass();
  },
};

/** Asks the listener's route function where a client goes. The answer comes to the client later. */
export class Asking<C extends Visitor> implements Stage<C> {
  constructor(private readonly questions: { ask(client: C): void }) {}

  receive(client: C): void {
    this.questions.ask(client);
  }
}
