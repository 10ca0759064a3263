import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MAIN, PROGRAM } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { listening, otherSocket } from "../fixtures/system.ts";
import { Upstream } from "../fixtures/upstream.ts";
import { onBothEngines, type Stage } from "./stages.ts";

// A unit that is wrong, or whoever starts ringway with LISTEN_FDS, passes on what cannot be listened on.

setDefaultTimeout(20_000);

interface Started {
  readonly code: number | null;
  readonly err: string;
}

/** Starts it with these descriptors from 3 on, and with that many announced. */
async function start(
  { engine, workers }: Stage,
  descriptors: readonly (number | "ignore")[],
  announced: string = String(descriptors.length),
  listen = "127.0.0.1:0",
): Promise<Started> {
  const flags = `-l ${listen} -m sink -e ${engine} -w ${workers} --stats none`;
  const child = Bun.spawn(
    ["sh", "-c", `LISTEN_FDS=${announced} LISTEN_PID=$$ exec ${PROGRAM.join(" ")} ${flags}`],
    {
      stdio: ["ignore", "ignore", "pipe", ...descriptors],
      timeout: 10_000,
      killSignal: "SIGKILL",
    },
  );
  const [code, err] = await Promise.all([child.exited, child.stderr.text()]);
  return { code: child.signalCode === null ? code : null, err };
}

/** One sentence that names the descriptor, and nothing else. */
function refused(descriptor: number, why: string): Started {
  const what = `descriptor ${descriptor} that was passed on (LISTEN_FDS)`;
  return { code: 1, err: `ringway: ${what} is no socket to accept clients from: ${why}\n` };
}

onBothEngines("what is passed on and is no socket that listens is refused", (stage) => {
  test.each([
    ["datagram", "it is no stream socket"],
    ["bound", "it does not listen"],
    ["unbound", "it does not listen"],
    ["netlink", "it is none of IPv4, IPv6 and unix"],
    ["unix", "it does not listen"],
    ["seqpacket", "it is no stream socket"],
  ] as const)("a socket that is %s", async (kind, why) => {
    const path = join(tmpdir(), `ringway-other-${crypto.randomUUID()}.sock`);
    const socket = otherSocket(kind, path);
    expect(await start(stage, [socket.fd])).toEqual(refused(3, why));
    socket.close();
    rmSync(path, { force: true });
  });

  test("a connection", async () => {
    const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, (end) => {
      end.keeps = true;
    });
    const end = await End.connect(upstream.address);
    expect(await start(stage, [end.fd])).toEqual(refused(3, "it does not listen"));
    end.reset();
    upstream.close();
  });

  test("a file, a device, a pipe", async () => {
    for (const path of [MAIN, "/dev/null"]) {
      const descriptor = openSync(path, "r");
      expect(await start(stage, [descriptor])).toEqual(refused(3, "it is no socket"));
      closeSync(descriptor);
    }
  });

  test("a descriptor that is not open", async () => {
    const socket = listening();
    const { err, code } = await start(stage, [socket.fd], "2", `127.0.0.1:${socket.address.port}`);
    socket.close();
    // Whatever of Bun's own is there: nothing of this process was opened before.
    expect({ code, err }).toEqual(refused(4, "it is no socket"));
  });

  test("the same socket twice", async () => {
    const socket = listening();
    const { port } = socket.address;
    const told = await start(stage, [socket.fd, socket.fd], "2", `127.0.0.1:${port}`);
    socket.close();
    expect(told).toEqual(refused(4, `127.0.0.1:${port} was passed on twice`));
  });
});

describe("LISTEN_FDS itself", () => {
  test.each(["x", "-1", "1.5", "1e9", "99999"])("%s is refused", async (announced) => {
    const { code, err } = await start({ engine: "sockets", workers: 1 }, [], announced);
    const sentence = `LISTEN_FDS "${announced}": expected the number of sockets that are passed on, 0…1,024`;
    expect({ code, err }).toEqual({ code: 1, err: `ringway: ${sentence}\n` });
  });
});
