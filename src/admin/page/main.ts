import type { HistoryDocument } from "../past.ts";
import type { StateDocument } from "../state.ts";
import { Charts } from "./charts.ts";
import { Client, Refused } from "./client.ts";
import { startControls } from "./controls.ts";
import { askToken } from "./dialogs.ts";
import { byId, setText } from "./dom.ts";
import { showFacts } from "./facts.ts";
import * as format from "./format.ts";
import { showListeners } from "./listeners.ts";
import { Poll } from "./poll.ts";
import { sample } from "./rates.ts";
import { Relays } from "./relays.ts";
import { Upstreams } from "./upstreams.ts";
import { Valkey } from "./valkey.ts";

// The page: it asks the proxy for its state once a second, and shows it.

const EVERY_MS = 1_000;

const client = new Client(askToken);
const charts = new Charts();
const poll = new Poll(refresh, EVERY_MS);
const upstreams = new Upstreams(client, () => poll.now());
const relays = new Relays(client, () => poll.now());
const valkey = new Valkey(client);

/** The last answer; null before the first one. */
let last: StateDocument | null = null;
let lastAt = 0;
let hasPast = false;

async function refresh(): Promise<void> {
  try {
    if (!hasPast) {
      charts.begin((await client.get<HistoryDocument>("/api/history")).samples);
      hasPast = true;
    }
    const state = await client.get<StateDocument>("/api/state");
    const now = sample(Date.now() / 1_000, last, state);
    last = state;
    lastAt = Date.now();
    charts.add(now);
    showAccess(state.mayChange);
    showFacts(state, now);
    showListeners(state.listeners, state.totals.mirrors);
    upstreams.show(state.upstreams, state.mayChange);
    showStatus(state.standing);
    await valkey.refresh(state.listeners.some(({ mode }) => mode === "valkey"));
    await relays.refresh(state.mayChange);
    showTrouble(null);
  } catch (error) {
    if (!(error instanceof Refused)) {
      charts.addGap();
      showStatus({ kind: "no answer", text: "no answer" });
    }
    showTrouble(error);
  }
}

/** @param kind sets the colour */
function showStatus({
  kind,
  text,
}: {
  readonly kind: StateDocument["standing"]["kind"] | "no answer";
  readonly text: string;
}): void {
  const pill = byId("status");
  setText(pill, text);
  pill.dataset.status = kind;
  document.title = kind === "ready" ? "ringway" : `ringway: ${kind}`;
  document.body.classList.toggle("stale", kind === "no answer");
}

/** Without permission to change anything, the buttons are shown but disabled. */
function showAccess(mayChange: boolean): void {
  byId("access").hidden = mayChange;
  for (const id of ["reload", "drain", "story-cut"]) {
    byId<HTMLButtonElement>(id).disabled = !mayChange;
  }
}

function showTrouble(error: unknown): void {
  const place = byId("trouble");
  place.hidden = error === null;
  if (error === null) return;
  if (error instanceof Refused) setText(place, [error.message, ...error.problems].join("; "));
  else {
    const age = Math.max(1, Math.round((Date.now() - lastAt) / 1_000)) * 1_000;
    const ago = last === null ? "" : ` The figures are ${format.duration(age)} old.`;
    setText(place, `The proxy does not answer.${ago} This page keeps trying.`);
  }
}

startControls(client);
poll.begin();
