import type { Stage, Visitor } from "./stage.ts";

/** The stages of a listener; null for those that it does not need. */
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
 * First who the client is, then whether it may come in, then what becomes of it. What it has come for, its kind
 * decides.
 */
export function inOrder<C extends Visitor>(stages: Stages<C>): readonly Stage<C>[] {
  const { steps, admission, handshake, whereabouts, byHello, route } = stages;
  const all = [steps, admission, handshake, whereabouts, byHello, route];
  return all.filter((stage) => stage !== null);
}
