import type { DrainDocument } from "../api.ts";
import type { ListenerDocument } from "../listener-document.ts";
import type { PlanDocument } from "../plan-document.ts";
import type { Client } from "./client.ts";
import { ask, told } from "./dialogs.ts";
import { byId } from "./dom.ts";
import * as format from "./format.ts";

/** Starts the two buttons for the whole proxy. */
export function startControls(client: Client): void {
  byId("reload").addEventListener("click", () => void told(() => reload(client)));
  byId("drain").addEventListener("click", () => void told(() => drain(client)));
}

async function reload(client: Client): Promise<void> {
  const plan = await client.send<PlanDocument>("POST", "/api/plan");
  const heading = "Reload the configuration?";
  if (!plan.changes) {
    await ask({ heading: "Nothing to reload", text: "Nothing changes.", list: linesOf(plan) });
    return;
  }
  const text = `${plan.summary}.`;
  if (!(await ask({ heading, text, list: linesOf(plan), yes: "Reload" }))) return;
  const done = await client.send<PlanDocument>("POST", "/api/reload");
  await ask({ heading: "Reloaded", text: `${done.summary}.` });
}

function linesOf(plan: PlanDocument): string[] {
  return [
    ...plan.added.map((one) => `${nameOf(one)} is added`),
    ...plan.removed.map((one) => `${nameOf(one)} is removed; its relays continue`),
    ...plan.changed.map(({ after }) => `${nameOf(after)} changes for new relays`),
    ...plan.reopened.map((one) => `${nameOf(one)} accepts again`),
    ...plan.needRestart.map((setting) => `${setting} has changed, which takes effect on a restart`),
  ];
}

function nameOf({ name, listen }: ListenerDocument): string {
  return name === null ? listen : `${name} (${listen})`;
}

async function drain(client: Client): Promise<void> {
  const heading = "Drain and stop the proxy?";
  const text =
    "No more clients are accepted. The process ends when its relays have ended or the drain timeout " +
    "is over.";
  if (!(await ask({ heading, text, yes: "Drain and stop" }))) return;
  const { running, drainTimeoutMs } = await client.send<DrainDocument>("POST", "/api/drain");
  const rest = `${format.count(running)} relays have ${format.duration(drainTimeoutMs)} to end.`;
  await ask({ heading: "Draining", text: running === 0 ? "No relay was running." : rest });
}
