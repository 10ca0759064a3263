import { expect, test } from "bun:test";
import type { Context } from "./command.ts";
import { Connection } from "./connection.ts";
import { ReplyEncoder } from "./reply.ts";
import { Store } from "./store.ts";

/** A socket whose kernel takes `room` bytes, and which notes what it is asked. */
class FakeSocket {
  room = Number.POSITIVE_INFINITY;
  written = "";
  readonly asked: string[] = [];

  write(bytes: Uint8Array): number {
    if (this.room < 0) return -1;
    const taken = Math.min(this.room, bytes.length);
    this.room -= taken;
    this.written += Buffer.from(bytes.subarray(0, taken)).toString("latin1");
    return taken;
  }
  pause = () => void this.asked.push("pause");
  resume = () => void this.asked.push("resume");
  shutdown = () => void this.asked.push("shutdown");
  end = () => void this.asked.push("end");
  timeout = (seconds: number) => void this.asked.push(`timeout ${seconds}`);
}

function start() {
  const socket = new FakeSocket();
  const context: Context = {
    store: new Store(),
    reply: new ReplyEncoder(),
    session: { id: 1, name: "", protocol: 2, closing: false },
    status: { port: 0, startedAtMs: 0, connectionCount: 1, commandCount: 0 },
  };
  const connection = new Connection(socket, context);
  expect(socket.asked.splice(0)).toEqual(["timeout 0"]);
  return { socket, context, connection };
}

const pings = (count: number) => Buffer.from("PING\r\n".repeat(count));

test("replies that the kernel does not take pause the reading and stop the execution", () => {
  const { socket, context, connection } = start();
  socket.room = 3;
  connection.receive(pings(2));
  expect(socket.written).toBe("+PO");
  expect(socket.asked).toEqual(["pause"]);
  // A reset socket may deliver in spite of the pause.
  connection.receive(pings(1));
  expect(context.status.commandCount).toBe(2);
  socket.room = 5;
  connection.drained();
  expect(socket.written).toBe("+PONG\r\n+");
  expect(context.status.commandCount).toBe(2);
  socket.room = 100;
  connection.drained();
  expect(socket.written).toBe("+PONG\r\n".repeat(3));
  expect(socket.asked).toEqual(["pause", "resume"]);
});

test("a closed socket swallows replies and keeps nothing", () => {
  const { socket, connection } = start();
  socket.room = -1;
  connection.receive(pings(2));
  connection.socketClosed();
  connection.receive(pings(2));
  connection.drained();
  expect(socket.written).toBe("");
});

test("a long pipeline gives the others a turn, and is paused meanwhile", async () => {
  const { socket, context, connection } = start();
  connection.receive(pings(5000));
  expect(context.status.commandCount).toBe(4096);
  expect(socket.asked).toEqual(["pause"]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(context.status.commandCount).toBe(5000);
  expect(socket.asked).toEqual(["pause", "resume"]);
});

test("after a protocol error the input is discarded for a limited time", () => {
  const { socket, context, connection } = start();
  connection.receive(Buffer.from("*x\r\n"));
  expect(socket.asked).toEqual(["shutdown", "timeout 4"]);
  connection.receive(pings(3));
  expect(context.status.commandCount).toBe(0);
  connection.clientEnded();
  expect(socket.asked).toEqual(["shutdown", "timeout 4", "end"]);
});

test("a FIN that comes while replies wait is answered after them", () => {
  const { socket, connection } = start();
  socket.room = 0;
  connection.receive(pings(1));
  connection.clientEnded();
  expect(socket.asked).toEqual(["pause"]);
  socket.room = 100;
  connection.drained();
  expect(socket.written).toBe("+PONG\r\n");
  expect(socket.asked).toEqual(["pause", "end"]);
});
