import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, statSync, unlinkSync } from "node:fs";
import { ServiceManager } from "../../src/cli/systemd/notify.ts";
import { monotonicMicros } from "../../src/system/linux.ts";
import { PROGRAM } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { Datagrams, listening, listeningAt } from "../fixtures/system.ts";
import { waitFor } from "../fixtures/wait.ts";

// What a service manager such as systemd sees of ringway, and what it passes on.

setDefaultTimeout(20_000);
const linux = process.platform === "linux";

describe.if(linux)("sd_notify", () => {
  test("a start, a reload and a stop are told in this order", async () => {
    const path = `/tmp/ringway-notify-${crypto.randomUUID()}.sock`;
    const manager = new Datagrams(path);
    const told: string[] = [];
    const until = (beginning: string) =>
      waitFor(
        () => {
          for (let next = manager.next(); next !== null; next = manager.next()) told.push(next);
          return told.some((text) => text.startsWith(beginning));
        },
        () => `${beginning} is told, so far ${JSON.stringify(told)}`,
      );
    const proxy = Bun.spawn([...PROGRAM, "-l", "127.0.0.1:0", "-m", "sink"], {
      env: { ...process.env, NOTIFY_SOCKET: path, WATCHDOG_USEC: "50000" },
      stdout: "ignore",
      stderr: "ignore",
    });
    await until("READY=1\nSTATUS=relaying on 1 listener");
    await until("WATCHDOG=1");
    const askedAt = monotonicMicros();
    proxy.kill("SIGHUP");
    await until("RELOADING=1\nMONOTONIC_USEC=");
    const reloading = told.find((text) => text.startsWith("RELOADING=1")) as string;
    const begunAt = BigInt(reloading.replace(/.*=/s, ""));
    expect(begunAt).toBeGreaterThan(askedAt);
    expect(begunAt).toBeLessThan(monotonicMicros());
    proxy.kill("SIGTERM");
    await until("STOPPING=1\nSTATUS=stopping: SIGTERM, no relays running");
    expect(await proxy.exited).toBe(0);
    const states = told.map((text) => text.split("\n")[0]).filter((text) => text !== "WATCHDOG=1");
    expect(states).toEqual(["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]);
    manager.close();
    unlinkSync(path);
  });

  test("a manager that is not there, or whose name is nonsense, changes nothing", () => {
    for (const NOTIFY_SOCKET of ["", "x", "/nowhere/at/all", `/${"x".repeat(300)}`, "@\n"]) {
      const manager = new ServiceManager({ NOTIFY_SOCKET });
      manager.ready("fine");
      manager.reloading();
      manager.stopping("gone");
      manager.close();
    }
  });
});

describe.if(linux).each(["sockets", "auto"])("socket activation with engine %s", (engine) => {
  test("a listener takes the socket that was passed on, with who waits there", async () => {
    const socket = listening();
    const { address } = socket;
    // Before ringway even runs.
    const client = await End.connect(address, (end) => {
      end.keeps = true;
    });
    client.send("PING\r\n");
    const flags = `-l 127.0.0.1:${address.port} -e ${engine}`;
    const child = Bun.spawn(
      ["sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec ${PROGRAM.join(" ")} ${flags}`],
      { stdio: ["ignore", "ignore", "ignore", socket.fd] },
    );
    socket.close();
    await waitFor(
      () => client.receivedBytes > 0,
      () => `who has waited is served: ${client}`,
    );
    expect(Buffer.concat(client.chunks).toString()).toBe("+PONG\r\n");
    client.reset();
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });

  test("a unix socket keeps the permissions that it was given", async () => {
    const path = `/tmp/ringway-passed-${crypto.randomUUID()}.sock`;
    const file = `${path}.toml`;
    const write = (unixMode: string) =>
      Bun.write(file, `listen = "unix:${path}"\nmode = "sink"\nunixMode = "${unixMode}"\n`);
    await write("0600");
    const socket = listeningAt(path);
    chmodSync(path, 0o640);
    const command = `LISTEN_FDS=1 LISTEN_PID=$$ exec ${PROGRAM.join(" ")} -c ${file}`;
    await using child = Bun.spawn(["sh", "-c", `${command} -e ${engine}`], {
      stdio: ["ignore", "ignore", "pipe", socket.fd],
    });
    let log = "";
    void (async () => {
      for await (const bytes of child.stderr as ReadableStream<Uint8Array>) {
        log += Buffer.from(bytes).toString();
      }
    })();
    const logged = (text: string) =>
      waitFor(
        () => log.includes(text),
        () => `${text} is logged, so far ${log}`,
      );
    await logged("listening on unix:");
    await write("0666");
    child.kill("SIGHUP");
    await logged("SIGHUP: 1 listener changed");
    expect((statSync(path).mode & 0o777).toString(8)).toBe("640");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    socket.close();
    unlinkSync(path);
    unlinkSync(file);
  });

  test.each([1, 2])(
    "a unix socket's path stays for the next start, %i workers",
    async (workers) => {
      const path = `/tmp/ringway-passed-${crypto.randomUUID()}.sock`;
      const socket = listeningAt(path);
      // Two starts one after the other, as the manager keeps the socket in between.
      for (let start = 0; start < 2; start++) {
        const flags = `-l unix:${path} -e ${engine} -w ${workers}`;
        await using child = Bun.spawn(
          ["sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec ${PROGRAM.join(" ")} ${flags}`],
          { stdio: ["ignore", "ignore", "ignore", socket.fd] },
        );
        const client = await End.connect({ kind: "unix", path }, (end) => {
          end.keeps = true;
        });
        client.send("PING\r\n");
        await waitFor(
          () => client.receivedBytes > 0,
          () => `who comes by the path is served: ${client}`,
        );
        client.reset();
        child.kill("SIGTERM");
        expect(await child.exited).toBe(0);
      }
      socket.close();
      unlinkSync(path);
    },
  );

  test("one that is no listener's is closed and told", async () => {
    const socket = listening();
    const flags = `-l 127.0.0.1:0 -m sink -e ${engine}`;
    const child = Bun.spawn(
      ["sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec ${PROGRAM.join(" ")} ${flags}`],
      { stdio: ["ignore", "ignore", "pipe", socket.fd] },
    );
    const { port } = socket.address;
    socket.close();
    const refused = () =>
      End.connect(socket.address).then(
        (end) => {
          end.reset();
          return false;
        },
        () => true,
      );
    while (!(await refused())) await Bun.sleep(10);
    child.kill("SIGTERM");
    expect(await child.stderr.text()).toContain(`the socket 127.0.0.1:${port} that was passed on`);
    await child.exited;
  });
});
