import type { Fate } from "../kernel/faults.ts";
import type { SimulatedHall } from "./conduit.ts";
import type { Changed } from "./settings.ts";
import type { Story } from "./story.ts";

/** What an operator works on. */
export interface Operated {
  readonly hall: SimulatedHall;
  readonly fate: Fate;
  readonly story: Story;
  tell(what: string): void;
  reload(changed: Changed): void;
  /** Ends the relays of this upstream, within so many milliseconds. */
  drop(slot: number, withinMs: number): void;
  /** From now on relays may end by this wish. */
  wishes(what: "drain" | "gone" | { readonly cut: number }): void;
}

/** Somebody changes something while relays run, and a health check finds what is down and up again. */
export function operate(of: Operated): void {
  const { hall, fate, story } = of;
  const { table } = hall;
  const slot = fate.between(0, story.upstreams.length - 1);
  switch (fate.between(0, 7)) {
    case 0: {
      const changed = someChange(of);
      of.tell(`reload: ${JSON.stringify(changed)}`);
      of.reload(changed);
      return;
    }
    case 1:
      of.tell(`upstream ${slot} is down`);
      table.setOpen(slot, false);
      return;
    case 2:
      of.tell(`upstream ${slot} is up`);
      table.setOpen(slot, true);
      return;
    case 3:
      of.tell(`the relays of upstream ${slot} are ended`);
      of.wishes("gone");
      of.drop(slot, fate.pick([0, 20]));
      return;
    case 4: {
      const weight = fate.pick([0, 1, 3]);
      of.tell(`upstream ${slot} weighs ${weight}`);
      table.setWeight(slot, weight, fate.pick([1, 0.1]));
      return;
    }
    case 5: {
      const [relay] = hall.ledger.running;
      if (relay === undefined) return;
      of.tell(`relay ${relay.id} is cut`);
      of.wishes({ cut: relay.id });
      hall.cut(relay.id);
      return;
    }
    case 6: {
      const withinMs = fate.pick([0, 20, 200]);
      const [relay] = hall.ledger.running;
      if (relay === undefined) return;
      of.tell(`the listener's relays are ended within ${withinMs} ms`);
      of.wishes("drain");
      hall.drop({ listener: relay.listener.account.name }, withinMs);
      return;
    }
    case 7:
      of.tell(`the relays of upstream ${slot} are spared`);
      hall.drop({ slot }, null);
      return;
  }
}

/** Other upstreams and limits. */
function someChange({ fate, story }: Operated): Changed {
  const all = [...story.upstreams.keys()];
  const some = all.filter(() => fate.random() < 0.7);
  return {
    upstreams: some.length > 0 ? some : all,
    maxRelays: fate.pick([story.maxRelays, 0, 1]),
    isMirrored: fate.random() < 0.8,
    listenerMax: story.edge === null ? 0 : fate.pick([story.edge.maxRelays, 0, 1, 3]),
  };
}
