import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect as connectTo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { duplicate, peerCredentials } from "../../src/system/libc.ts";
import { waitFor } from "../fixtures/wait.ts";
import { accepting, loopTurns, Probe, probing } from "./probe.ts";

const linux = process.platform === "linux";

/** A listener that gives every connection a probe. */
class Accepting implements Disposable {
  readonly probes: Probe[] = [];
  onOpen: (() => void) | null = null;
  readonly listener: Bun.TCPSocketListener<Probe> & { fd: number };

  constructor(where: object = { hostname: "127.0.0.1", port: 0 }) {
    const socket = accepting(() => {
      const probe = new Probe();
      probe.onOpen = this.onOpen;
      this.probes.push(probe);
      return probe;
    });
    this.listener = Bun.listen<Probe>({ ...where, socket } as never) as never;
  }

  stop(): void {
    this.listener.stop(false);
  }

  [Symbol.dispose](): void {
    this.stop();
    for (const { socket } of this.probes) socket.terminate();
  }
}

/** Clients of a port, all begun in one turn. */
function connect(port: number, count: number): Probe[] {
  return Array.from({ length: count }, () => {
    const data = new Probe();
    void Bun.connect<Probe>({ hostname: "127.0.0.1", port, socket: probing, data });
    return data;
  });
}

/** What `Listener` relies on to pause, to resume and to close. */
export function listenerFacts(): void {
  test.if(linux)("on a duplicate of another's descriptor it accepts what has waited", async () => {
    using first = new Accepting();
    const { port, fd } = first.listener;
    const held = duplicate(fd);
    first.stop();
    const clients = connect(port, 5);
    await waitFor(() => clients.every(({ isOpen }) => isOpen), "the kernel completes them");
    for (const { socket } of clients) socket.write("hello");
    await loopTurns();
    expect(first.probes.length).toBe(0);
    using second = new Accepting({ fd: held });
    const greeted = () => second.probes.filter(({ text }) => text === "hello").length;
    await waitFor(() => greeted() === 5, "all that have waited are accepted");
    const late = connect(port, 1);
    await waitFor(() => second.probes.length === 6, "and who comes later");
    for (const client of [...clients, ...late]) expect(client.told).toEqual(["open"]);
  });

  test("stopped in its `open`, it accepts nobody else, though others wait", async () => {
    using accepting = new Accepting();
    accepting.onOpen = () => accepting.stop();
    const clients = connect(accepting.listener.port, 10);
    const left = () => clients.filter(({ told }) => /^(close|connect)/.test(told.at(-1) ?? ""));
    await waitFor(
      () => left().length === 9,
      () => `9 are turned away, now ${left().length}`,
    );
    expect(accepting.probes.length).toBe(1);
    expect(accepting.probes[0]?.told).toEqual(["open"]);
  });

  test.if(linux)(
    "a connection of node:net's shows its descriptor, by which its peer is known",
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "ringway-platform-"));
      const come = Promise.withResolvers<Socket>();
      const server = createServer(come.resolve).listen(join(folder, "listener.sock"));
      const client = connectTo(join(folder, "listener.sock"));
      const socket = (await come.promise) as Socket & { _handle: { fd: number } };
      expect(peerCredentials(socket._handle.fd)).toMatchObject({
        pid: process.pid,
        uid: process.getuid?.() ?? -1,
      });
      client.destroy();
      server.close();
      await rm(folder, { recursive: true });
    },
  );

  test.if(linux)("a unix one's path is unlinked when it stops", async () => {
    const folder = await mkdtemp(join(tmpdir(), "ringway-platform-"));
    const path = join(folder, "listener.sock");
    const accepting = new Accepting({ unix: path });
    expect(existsSync(path)).toBe(true);
    accepting.stop();
    expect(existsSync(path)).toBe(false);
    await rm(folder, { recursive: true });
  });
}

/** What `descriptorLimit` relies on. */
export function processFacts(): void {
  test.if(linux)("its soft RLIMIT_NOFILE is raised to the hard one", async () => {
    const show = `process.stdout.write(await Bun.file("/proc/self/limits").text())`;
    const script = `ulimit -Sn 256; ulimit -Hn; exec "$@"`;
    const command = ["bash", "-c", script, "bash", process.execPath, "-e", show];
    const out = await Bun.spawn(command).stdout.text();
    const hard = /^\d+/.exec(out)?.[0];
    expect(Number(hard)).toBeGreaterThan(256);
    expect(/^Max open files\s+(\S+)\s+(\S+)/m.exec(out)?.slice(1)).toEqual([`${hard}`, `${hard}`]);
  });
}
