import type { FlowStatistics, RelayStatistics } from "../../observe/statistics.ts";
import type { CutDocument, RelaysDocument } from "../api.ts";
import { type Client, Refused } from "./client.ts";
import { ask } from "./dialogs.ts";
import { byId, element, emptyRow, setPairs, setRows, setText } from "./dom.ts";
import * as format from "./format.ts";

/** Most relays to list. */
const SHOWN_MAX = 200;

/** The running relays: the table with its search, and a dialog about one of them. */
export class Relays {
  private readonly body = byId("relay-rows");
  private readonly filter = byId<HTMLInputElement>("filter");
  private readonly sort = byId<HTMLSelectElement>("sort");
  private readonly story = byId<HTMLDialogElement>("story");
  /** The relay in the dialog. */
  private told = 0;
  private hasEnded = false;

  /** @param changed called when the search has changed */
  constructor(
    private readonly client: Client,
    changed: () => void,
  ) {
    byId("search").addEventListener("submit", (event) => event.preventDefault());
    this.filter.addEventListener("input", changed);
    this.sort.addEventListener("change", changed);
    byId("story-close").addEventListener("click", () => this.story.close());
    byId("story-cut").addEventListener("click", () => void this.cut(this.told));
  }

  /**
   * Gets the relays that match the search, and shows them.
   *
   * @param mayCut whether the person may cut relays
   * @throws as {@link Client.get}
   */
  async refresh(mayCut: boolean): Promise<void> {
    const wanted = new URLSearchParams({
      limit: String(SHOWN_MAX),
      sort: this.sort.value,
      filter: this.filter.value.trim(),
    });
    this.show(await this.client.get<RelaysDocument>(`/api/relays?${wanted}`));
    for (const cut of this.body.querySelectorAll<HTMLButtonElement>(".act button")) {
      cut.disabled = !mayCut;
    }
    if (this.story.open && !this.hasEnded) await this.refreshStory();
  }

  private show({ running, matching, relays }: RelaysDocument): void {
    const shown = relays.length < matching ? `, the first ${format.count(relays.length)} here` : "";
    const all = matching === running ? "" : ` of ${format.count(running)}`;
    const noun = running === 1 ? "relay" : "relays";
    setText(byId("found"), `${format.count(matching)}${all} ${noun}${shown}`);
    if (relays.length === 0) {
      const why = running === 0 ? "No relay is running." : "No client or upstream contains this.";
      this.body.replaceChildren(emptyRow(why, 7));
      return;
    }
    this.body.querySelector(".empty")?.parentElement?.remove();
    const rows = relays.map((relay) => ({
      key: String(relay.id),
      cells: [
        `#${relay.id}`,
        relay.client,
        relay.isWaiting ? "waiting" : (relay.upstream ?? "–"),
        format.duration(relay.durationMs),
        format.bytes(relay.up.receivedBytes),
        format.bytes(relay.down.receivedBytes),
        "Cut…",
      ],
    }));
    setRows(this.body, rows, ({ key }) => this.row(Number(key)));
  }

  private row(id: number): HTMLTableRowElement {
    const open = element("button", { type: "button", class: "link", title: "Details" });
    open.addEventListener("click", () => void this.open(id));
    const cut = element("button", { type: "button", "aria-label": `Cut relay ${id}` });
    cut.addEventListener("click", () => void this.cut(id));
    return element(
      "tr",
      {},
      element("th", { scope: "row", "data-label": "Relay" }, open),
      element("td", { "data-label": "Client", class: "address" }),
      element("td", { "data-label": "Upstream", class: "address" }),
      element("td", { "data-label": "Duration", class: "number" }),
      element("td", { "data-label": "Up", class: "number" }),
      element("td", { "data-label": "Down", class: "number" }),
      element("td", { class: "act" }, cut),
    );
  }

  private async open(id: number): Promise<void> {
    this.told = id;
    this.hasEnded = false;
    setText(byId("story-heading"), `Relay ${id}`);
    byId("story-facts").replaceChildren();
    byId("story-cut").hidden = false;
    this.story.showModal();
    await this.refreshStory().catch(() => {});
  }

  private async refreshStory(): Promise<void> {
    try {
      const relay = await this.client.get<RelayStatistics>(`/api/relays/${this.told}`);
      setPairs(byId("story-facts"), storyOf(relay));
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 404) throw error;
      this.hasEnded = true;
      setText(byId("story-heading"), `Relay ${this.told} has ended`);
      byId("story-cut").hidden = true;
    }
  }

  private async cut(id: number): Promise<void> {
    const text = "ringway resets both of its connections. Bytes on their way are lost.";
    if (!(await ask({ heading: `Cut relay ${id}?`, text, yes: "Cut it" }))) return;
    try {
      await this.client.send<CutDocument>("DELETE", `/api/relays/${id}`);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      await ask({ heading: `Relay ${id} was not cut`, text: why });
    }
  }
}

function storyOf(relay: RelayStatistics): (readonly [string, string])[] {
  return [
    ["Listener", relay.listener],
    ["Client", relay.client],
    ["State", relay.isWaiting ? "waits for room or for an upstream" : "runs"],
    [relay.isWaiting ? "Tried last" : "Upstream", relay.upstream ?? "–"],
    ["Label", relay.label ?? "–"],
    ["Since", new Date(relay.startedAt).toLocaleString()],
    ["Duration", format.duration(relay.durationMs)],
    ["Dials", format.count(relay.dials)],
    ["Upstream answered after", timeOf(relay.dialMs)],
    ["Upstream's first byte after", timeOf(relay.firstByteMs)],
    ["Receives from the client per second", format.rate(relay.requestsPerSecond)],
    ...flowOf("Up", relay.up),
    ...flowOf("Down", relay.down),
  ];
}

function timeOf(ms: number | null): string {
  return ms === null ? "–" : format.duration(ms);
}

function flowOf(way: string, flow: FlowStatistics): (readonly [string, string])[] {
  const waits = flow.receivedBytes - flow.sentBytes - flow.discardedBytes - flow.lostBytes;
  return [
    [`${way}: received`, `${format.bytes(flow.receivedBytes)} in ${format.count(flow.receives)}`],
    [`${way}: sent`, `${format.bytes(flow.sentBytes)} in ${format.count(flow.sends)}`],
    [`${way}: waits`, format.bytes(waits)],
    [`${way}: pauses`, format.count(flow.pauses)],
    [`${way}: rate`, `${format.bytes(flow.bytesPerSecond)}/s`],
  ];
}
