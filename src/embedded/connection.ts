import type { Context } from "./command.ts";
import { execute } from "./commands.ts";
import { Outbox, type Writable } from "./outbox.ts";
import { Parsed, RequestParser } from "./parser.ts";

/** The most commands executed for one connection before the others have their turn. */
const commandsPerTurnMax = 4096;

/** How long a connection that we have ended may still send, in seconds, before it is cut. */
const lingerSeconds = 4;

/** The part of Bun's Socket that a connection uses. */
export interface ConnectionSocket extends Writable {
  pause(): void;
  resume(): void;
  shutdown(): void;
  end(): void;
  timeout(seconds: number): void;
}

/** One client of the embedded upstream: reads requests, executes them in order, writes the replies.
 *
 *      receive ──► parser ──► execute ──► encoder ──► outbox ──► socket
 *
 *  While replies wait in the outbox nothing is executed and the socket is paused, so a client that
 *  does not read holds the replies of one write and the input of one chunk. Each event ends in
 *  `work()`, the one function that decides what happens next. Owner: its socket, as
 *  `socket.data`. */
export class Connection {
  private readonly socket: ConnectionSocket;
  private readonly context: Context;
  private readonly outbox: Outbox;
  private readonly parser = new RequestParser();
  /** True exactly while the socket is paused. */
  private paused = false;
  /** The client has sent its FIN. */
  private ended = false;
  /** Our FIN is sent; what still comes is discarded. */
  private finished = false;
  private closed = false;

  constructor(socket: ConnectionSocket, context: Context) {
    this.socket = socket;
    this.context = context;
    this.outbox = new Outbox(socket);
    // A socket with a timeout handler starts with a timeout of 120 s, however busy it is (Bun 1.4.5).
    socket.timeout(0);
  }

  /** Bytes have arrived. They must not change afterwards. */
  receive(chunk: Buffer): void {
    if (this.finished) return;
    this.parser.feed(chunk);
    // A reset socket delivers its last bytes although it is paused: `work()` lets them wait, too.
    this.work();
  }

  /** The kernel takes bytes again. */
  drained(): void {
    this.outbox.flush();
    this.work();
  }

  /** The client has sent its FIN. What it sent before is still answered. */
  clientEnded(): void {
    this.ended = true;
    this.work();
  }

  /** The socket is closed: releases everything that is held for it. */
  socketClosed(): void {
    this.closed = true;
    this.outbox.close();
  }

  /** Executes what can be executed now, and leaves the socket paused or reading, as needed. */
  private work(): void {
    if (this.closed) return;
    if (this.finished) {
      if (this.ended) this.socket.end();
      return;
    }
    const turnIsOver = this.executeRequests();
    if (!this.outbox.isEmpty) {
      this.pause();
    } else if (this.context.session.closing) {
      this.finish();
    } else if (turnIsOver) {
      this.pause();
      setImmediate(() => this.work());
    } else if (this.ended) {
      this.socket.end();
    } else {
      this.resume();
    }
  }

  /** Executes requests until the input or the turn is over, or a reply has to wait.
   *  @returns whether the turn ended it. */
  private executeRequests(): boolean {
    const { reply, session, status } = this.context;
    const { parser, outbox } = this;
    let budget = commandsPerTurnMax;
    reply.begin(outbox);
    while (budget > 0 && outbox.isEmpty && !session.closing) {
      const parsed = parser.next();
      if (parsed === Parsed.Incomplete) break;
      if (parsed === Parsed.Failed) {
        reply.error(`ERR ${parser.error}`);
        session.closing = true;
        break;
      }
      budget--;
      status.commandCount++;
      execute(parser.args, this.context);
    }
    reply.flush();
    return budget === 0;
  }

  /** Sends our FIN after the last reply. A socket closed with unread input would send a reset,
   *  which can overtake that reply: so the input is read and discarded until the client's FIN or
   *  the linger's end. */
  private finish(): void {
    this.finished = true;
    if (this.ended) {
      this.socket.end();
      return;
    }
    this.socket.shutdown();
    this.socket.timeout(lingerSeconds);
    this.resume();
  }

  private pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.socket.pause();
  }

  private resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.socket.resume();
  }
}
