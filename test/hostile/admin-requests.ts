import { connect, type Socket } from "node:net";
import type { Random } from "../fixtures/random.ts";

/** What hostile requests are sent to, and what became of them. */
export interface HostileOutcome {
  /** Connections that were made. */
  connections: number;
  /** Requests of all of them, whole or not. */
  requests: number;
  /** Answers by their status; 0 for a connection that brought none. */
  readonly statuses: Map<number, number>;
}

/** What is known of the server by who attacks it. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

const METHODS = [
  "GET",
  "POST",
  "DELETE",
  "PUT",
  "PATCH",
  "OPTIONS",
  "HEAD",
  "TRACE",
  "CONNECT",
  "get",
  "G E T",
  "\u0000",
  "PROPFIND",
];
const PATHS = [
  "/api/state",
  "/api/relays",
  "/api/relays/1",
  "/api/relays/999999999999999",
  "/api/upstreams",
  "/api/upstreams/0",
  "/api/upstreams/%",
  "/api/upstreams/%ff",
  "/api/listeners/a/drain",
  "/api/listeners/%/drain",
  "/api/plan",
  "/api/reload",
  "/api/drain",
  "/metrics",
  "/",
  "/healthz",
  "/readyz",
  "/page/main.ts",
  "/page/../../etc/passwd",
  "//",
  "/api/../api/state",
  "*",
  "http://evil.example/api/state",
  "/api/state#x",
  "/\u0000",
];
const BODIES = [
  "",
  "{}",
  "{",
  "null",
  "[]",
  '{"state":"drain"}',
  '{"weight":1e999}',
  '{"__proto__":{"state":"drain"}}',
  '{"within":"-1s"}',
  "\u0000\u0001",
  "a=b",
];

function pick<T>(random: Random, all: readonly T[]): T {
  return all[Math.floor(random() * all.length)] as T;
}

/** A request that is wrong in one way or in several, and never allowed to change anything. */
function hostileRequest(random: Random): string {
  const method = pick(random, METHODS);
  const query =
    random() < 0.3
      ? `?${pick(random, ["limit=-1", "filter=%", "sort=x&sort=y", `a=${"b".repeat(random() * 3_000)}`, "&".repeat(random() * 500)])}`
      : "";
  const version =
    random() < 0.9 ? "HTTP/1.1" : pick(random, ["HTTP/1.0", "HTTP/9.9", "HTTP/", "", "SSH-2.0"]);
  const headers: string[] = [];
  // Whoever attacks has no token, and a Host of the right name half of the time.
  if (random() < 0.9)
    headers.push(
      `Host: ${pick(random, ["localhost", "evil.example", "127.0.0.1", "", "[::1]:x", "a\u00e9"])}`,
    );
  if (random() < 0.5)
    headers.push(
      `Authorization: ${pick(random, ["Bearer x", "Bearer ", "Basic eDp4", "Bearer a b", `Bearer ${"z".repeat(random() * 6_000)}`])}`,
    );
  if (random() < 0.3) headers.push("X-Ringway: 1");
  if (random() < 0.2)
    headers.push(`Origin: ${pick(random, ["null", "http://evil.example", "http://localhost"])}`);
  if (random() < 0.1) headers.push(`X-Long: ${"h".repeat(random() * 60_000)}`);
  if (random() < 0.1) for (let at = 0; at < random() * 300; at++) headers.push(`X-${at}: ${at}`);
  if (random() < 0.1)
    headers.push(
      pick(random, [
        "Broken",
        ": x",
        "A\u0000: b",
        "Transfer-Encoding: chunked",
        "Content-Length: -1",
        "Content-Length: 5\r\nContent-Length: 6",
        "Expect: 100-continue",
        "Upgrade: h2c",
        "Connection: Upgrade",
      ]),
    );
  const body = random() < 0.4 ? pick(random, BODIES) : random() < 0.1 ? deepJson(random) : "";
  if (body !== "" && random() < 0.9) {
    const told = random() < 0.8 ? Buffer.byteLength(body) : Math.floor(random() * 100_000);
    headers.push(`Content-Length: ${told}`);
  }
  return `${method} ${pick(random, PATHS)}${query} ${version}\r\n${headers.map((one) => `${one}\r\n`).join("")}\r\n${body}`;
}

function deepJson(random: Random): string {
  const depth = Math.floor(random() * 20_000);
  return pick(random, [
    `${"[".repeat(depth)}${"]".repeat(depth)}`,
    `{"a":`.repeat(depth / 10),
    `{${'"k":1,'.repeat(depth / 4)}"z":1}`,
  ]);
}

/**
 * Sends so many hostile requests, over connections that are reset, closed or left alone at any moment:
 * several at once, piped behind each other, in pieces, or no HTTP at all. Deterministic but for time.
 */
export async function attack(
  target: Target,
  count: number,
  random: Random,
  width = 16,
): Promise<HostileOutcome> {
  const outcome: HostileOutcome = { connections: 0, requests: 0, statuses: new Map() };
  const lane = async () => {
    while (outcome.requests < count) {
      const many = 1 + Math.floor(random() * random() * 40);
      outcome.requests += many;
      outcome.connections++;
      const bytes =
        random() < 0.03
          ? noise(random)
          : Buffer.from(
              Array.from({ length: many }, () => hostileRequest(random)).join(""),
              "latin1",
            );
      await once(target, bytes, random, outcome);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return outcome;
}

function noise(random: Random): Buffer {
  return Buffer.from(
    Array.from({ length: 1 + random() * 2_000 }, () => Math.floor(random() * 256)),
  );
}

/** One connection with all that it has to say. */
function once(
  target: Target,
  bytes: Buffer,
  random: Random,
  { statuses }: HostileOutcome,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = connect(target);
  const cutAt = random() < 0.3 ? Math.floor(random() * bytes.length) : bytes.length;
  const ending = pick(random, ["reset", "fin", "close", "wait"] as const);
  let answer = "";
  let timer: Timer | undefined;
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    if (answer.length < 100_000) answer += chunk.toString("latin1");
  });
  socket.on("connect", () => {
    const first = Math.floor(random() * cutAt);
    socket.write(bytes.subarray(0, first));
    socket.write(bytes.subarray(first, cutAt), () => {
      if (ending === "fin") socket.end();
      // Most leave at once. Those who wait for an answer leave with it: on a busy machine it takes a while.
      const patience = ending === "wait" ? 500 : random() * 3;
      timer = setTimeout(() => finish(socket, ending), patience);
      if (ending === "wait") socket.on("data", () => finish(socket, ending));
    });
  });
  socket.on("close", () => {
    clearTimeout(timer);
    const found = Array.from(answer.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) =>
      Number(status),
    );
    for (const status of found.length === 0 ? [0] : found)
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    resolve();
  });
  return promise;
}

function finish(socket: Socket, ending: string): void {
  if (ending === "reset") socket.resetAndDestroy();
  else socket.destroy();
}
