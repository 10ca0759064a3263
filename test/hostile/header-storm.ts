import type { Socket } from "bun";
import { seeded } from "../fixtures/random.ts";
import { friendlyOpening, type HostileOpening, hostileOpening } from "./openings.ts";

/*
 * A program of its own, so that it takes no time of the client that is measured beside it:
 *
 *     bun test/hostile/header-storm.ts hostile|friendly PORT COUNT WIDTH SEED
 *
 * opens COUNT connections, WIDTH at a time, and ends with a line of JSON: how many were opened, and
 * how many could not be. Each of the hostile begins with another header; the friendly have a right
 * one, ask once and leave.
 */

/** Milliseconds after which a client that waits to be let go leaves. */
const PATIENCE_MS = 3_000;
/** One of so many networks of loopback is a client's own address. */
const ADDRESSES = 200;

interface Villain {
  readonly opening: HostileOpening;
  patience: ReturnType<typeof setTimeout> | null;
  readonly over: () => void;
}

const [manners = "hostile", ...numbers] = process.argv.slice(2);
const [port = 0, count = 0, width = 1, seed = 1] = numbers.map(Number);
const random = seeded(seed);
/** Made once: making one takes longer than what the proxy does with it. */
const openings = Array.from({ length: Math.min(count, 20_000) }, () =>
  manners === "friendly" ? friendlyOpening : hostileOpening(random),
);
let opened = 0;
let refused = 0;

/** Sends all of it, in its pieces, then does what comes last. */
function act(socket: Socket<Villain>): void {
  const { bytes, cuts, end } = socket.data.opening;
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    if (to > from) socket.write(bytes.subarray(from, to));
    from = to;
  }
  if (end === "reset") socket.terminate();
  else if (end === "fin") socket.shutdown();
}

function over({ data }: Socket<Villain>): void {
  if (data.patience !== null) clearTimeout(data.patience);
  data.over();
}

const handlers = {
  open(socket: Socket<Villain>) {
    opened++;
    socket.data.patience = setTimeout(() => socket.terminate(), PATIENCE_MS);
    act(socket);
  },
  data(socket: Socket<Villain>) {
    if (manners === "friendly") socket.end();
  },
  end(socket: Socket<Villain>) {
    socket.end();
  },
  error() {},
  close: over,
};

async function villain(index: number): Promise<void> {
  const opening = openings[Math.floor(random() * openings.length)] as HostileOpening;
  const { promise, resolve } = Promise.withResolvers<void>();
  await Bun.connect<Villain>({
    hostname: "127.0.0.1",
    port,
    // Another client each time, so that no limit of one is what stops them.
    localAddress: `127.0.${1 + (index % ADDRESSES)}.1`,
    allowHalfOpen: true,
    data: { opening, patience: null, over: resolve },
    socket: handlers,
  } as never).then(
    () => promise,
    () => {
      refused++;
    },
  );
}

let next = 0;
await Promise.all(
  Array.from({ length: width }, async () => {
    while (next < count) await villain(next++);
  }),
);
process.stdout.write(`${JSON.stringify({ opened, refused })}\n`);
