import type {
  CommandDocument,
  ValkeyDocument,
  ValkeyListenerDocument,
} from "../valkey-document.ts";
import type { Client } from "./client.ts";
import { byId, element, emptyRow, setPairs, setRows } from "./dom.ts";
import * as format from "./format.ts";

const LABELS = [
  "Command",
  "Listener",
  "Calls/s",
  "Calls",
  "Errors",
  "Upstream, mean",
  "Upstream, p99",
  "ringway, p99",
  "Replies",
] as const;
const SLOW_LABELS = ["Time", "Client", "Command", "Listener", "Upstream", "Reply"] as const;

/** Most commands and slow ones to list. */
const COMMANDS_SHOWN = 50;
const SLOW_SHOWN = 10;

/** What listeners of mode `valkey` are asked: a section that is there only if there is such a listener. */
export class Valkey {
  private before: ValkeyDocument | null = null;

  constructor(private readonly client: Client) {}

  /** Gets the figures, and shows them. @param exists whether there is such a listener @throws as {@link Client.get} */
  async refresh(exists: boolean): Promise<void> {
    byId("valkey").hidden = !exists;
    if (!exists) {
      this.before = null;
      return;
    }
    const now = await this.client.get<ValkeyDocument>("/api/valkey");
    setPairs(byId("valkey-facts"), factsOf(now.listeners));
    showCommands(now, this.before);
    showSlow(now);
    this.before = now;
  }
}

function factsOf(listeners: readonly ValkeyListenerDocument[]): [string, string][] {
  const sum = (read: (one: ValkeyListenerDocument) => number) =>
    format.count(listeners.reduce((total, one) => total + read(one), 0));
  return [
    ["Clients", sum((one) => one.clients)],
    ["Clients that wait for a leased connection", sum((one) => one.clientsWaiting)],
    ["Connections shared", sum((one) => one.sharedConnections)],
    ["Connections leased", sum((one) => one.leasedConnections)],
    ["Connections idle", sum((one) => one.idleConnections)],
    ["Connections lost", sum((one) => one.lostConnections)],
    ["Replies owed", sum((one) => one.repliesOwed)],
    ["Errors of ringway's own", sum((one) => one.ownErrors)],
    ["Clients closed as slow", sum((one) => one.slowClients)],
  ];
}

function showCommands(now: ValkeyDocument, before: ValkeyDocument | null): void {
  const all = now.listeners.flatMap(({ listener, commands }) =>
    commands.map((command) => ({
      listener,
      command,
      rate: rateOf(listener, command, now, before),
    })),
  );
  const ordered = all.sort(
    (one, other) => (other.rate ?? 0) - (one.rate ?? 0) || other.command.calls - one.command.calls,
  );
  const rows = ordered.slice(0, COMMANDS_SHOWN).map(({ listener, command, rate }) => ({
    key: `${listener} ${command.command}`,
    cells: cellsOf(listener, command, rate),
  }));
  show(byId("valkey-rows"), rows, LABELS, "No command was answered yet.");
}

/** Calls per second since the last answer; null if that is not known. */
function rateOf(
  listener: string,
  { command, calls }: CommandDocument,
  now: ValkeyDocument,
  before: ValkeyDocument | null,
): number | null {
  const seconds = before === null ? 0 : (now.durationMs - before.durationMs) / 1_000;
  if (seconds <= 0) return null;
  const known = before?.listeners.find((one) => one.listener === listener);
  const earlier = known?.commands.find((one) => one.command === command)?.calls ?? 0;
  return Math.max(0, calls - earlier) / seconds;
}

function cellsOf(listener: string, command: CommandDocument, rate: number | null): string[] {
  const { upstreamMs, waitMs } = command;
  const time = (ms: number | undefined) => (ms === undefined ? "–" : format.latency(ms));
  return [
    command.relayed > 0
      ? `${command.command} (${format.count(command.relayed)} relayed)`
      : command.command,
    listener,
    rate === null ? "–" : format.rate(rate),
    format.count(command.calls),
    format.count(command.errors),
    time(upstreamMs?.mean),
    time(upstreamMs?.p99),
    time(waitMs?.p99),
    format.bytes(command.replyBytes),
  ];
}

function showSlow({ listeners }: ValkeyDocument): void {
  const all = listeners.flatMap(({ listener, slow }) => slow.map((one) => ({ listener, ...one })));
  const latest = all.sort((one, other) => other.at - one.at).slice(0, SLOW_SHOWN);
  const rows = latest.map(({ listener, at, client, command, upstreamMs, replyBytes }, index) => ({
    key: `${index} ${at} ${client} ${command}`,
    cells: [
      new Date(at).toLocaleTimeString(),
      client,
      command,
      listener,
      format.latency(upstreamMs),
      format.bytes(replyBytes),
    ],
  }));
  show(byId("valkey-slow"), rows, SLOW_LABELS, "No command took more than 10 ms.");
}

function show(
  body: HTMLElement,
  rows: Parameters<typeof setRows>[1],
  labels: readonly string[],
  none: string,
): void {
  if (rows.length === 0) {
    body.replaceChildren(emptyRow(none, labels.length));
    return;
  }
  body.querySelector(".empty")?.parentElement?.remove();
  setRows(body, rows, () => {
    const [first = "", ...others] = labels;
    return element(
      "tr",
      {},
      element("th", { scope: "row", "data-label": first }),
      ...others.map((label) => {
        const isText = label === "Listener" || label === "Client" || label === "Command";
        return element("td", { "data-label": label, ...(isText ? {} : { class: "number" }) });
      }),
    );
  });
}
