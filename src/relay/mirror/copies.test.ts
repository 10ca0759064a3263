import { expect, test } from "bun:test";
import { listenerDefaults } from "../../config/defaults.ts";
import type { ListenerOptions } from "../../config/options.ts";
import { engineRow } from "../../counts/figures.ts";
import type { Backlog } from "../../memory/backlog.ts";
import { Descriptors } from "../../system/descriptors.ts";
import { sharedNumbers } from "../ledger/page.ts";
import { Pages } from "../ledger/pages.ts";
import { Copies } from "./copies.ts";
import { Copy } from "./copy.ts";
import type { Mirror } from "./mirror.ts";

const address = { kind: "tcp", host: "127.0.0.1", port: 9 } as const;
const options: ListenerOptions = {
  ...listenerDefaults,
  address,
  upstreams: [],
  mirror: { address, bufferSize: 4096, percent: 100 },
};

/** Its mirror answers at once, and takes everything. */
class PromptCopy extends Copy {
  protected attempt(): void {
    this.connected();
  }
  protected write(bytes: Uint8Array): number {
    return bytes.length;
  }
  protected sendWaiting(): void {}
  protected sendFin(): void {}
  protected get unsent(): number {
    return 0;
  }
  protected close(): void {
    this.released();
  }
}

/** Copies of an engine that makes prompt ones. */
class Engine {
  made = 0;
  readonly copies: Copies;
  readonly mirror: Mirror;

  constructor() {
    const host = {
      descriptors: new Descriptors({ engines: 1 }, () => {}),
      newCopy: (backlog: Backlog) => {
        this.made++;
        return new PromptCopy(this.copies, backlog);
      },
      resolve: () => {},
      mirrorDropped: () => {},
      noCopies: () => {},
    };
    const figures = { pages: new Pages("sockets"), counts: sharedNumbers(engineRow.size) };
    this.copies = new Copies(host, figures);
    const mirror = this.copies.mirrorOf(options, "a", null);
    if (mirror === null) throw new Error("there is a mirror");
    this.mirror = mirror;
  }

  begin(relay: number): Copy {
    const copy = this.copies.begin(this.mirror, relay);
    if (copy === null) throw new Error("every relay is copied");
    return copy;
  }
}

test("a mirror stays while nothing about it changes, with what is known of it", () => {
  const { copies, mirror } = new Engine();
  mirror.failed();
  const next = copies.mirrorOf({ ...options, idleTimeoutMs: 5_000 }, "a", mirror);
  expect(next?.isPaused).toBe(true);
  const { mirror: to } = options;
  if (to === null) throw new Error("there is a mirror");
  const other = copies.mirrorOf({ ...options, mirror: { ...to, percent: 50 } }, "a", mirror);
  expect(other?.isPaused).toBe(false);
  expect(copies.mirrorOf({ ...options, mirror: null }, "a", mirror)).toBeNull();
  // What is counted from now on is that of a listener with another name.
  expect(copies.mirrorOf(options, "b", mirror)?.account.listener).toBe("b");
});

test("no more copies are made than there are at a time", () => {
  const engine = new Engine();
  const count = 1_500;
  for (let wave = 0; wave < 3; wave++) {
    const all = Array.from({ length: count }, (_, relay) => engine.begin(relay));
    for (const copy of all) copy.leave(false);
  }
  expect(engine.made).toBe(count);
});
