import type { CheckOptions, RedisRole } from "./check-options.ts";
import { type Conversation, lineAt, type Move, type Verdict } from "./conversation.ts";
import type { Mask } from "./mask.ts";
import { shownText } from "./shown.ts";

/** Longest line of a reply to wait for, in bytes. */
const LINE_BYTES_MAX = 1_024;

/**
 * The least size of a replica's ROLE reply: `slave`, the primary's host and port, the link's state.
 */
const REPLICA_WORDS = 4;

/** Redis' own words for the roles, the only ones before 5.0. */
const ROLE_NAMES: Readonly<Record<string, string>> = { master: "primary", slave: "replica" };

/**
 * Sends PING to a Redis, after AUTH if there is a password, and then ROLE if a role is expected.
 * All commands are sent at once, and the replies come in order.
 *
 * An upstream that asks for a password that the check does not have, or rejects the one it has, is
 * alive: clients have their own. Only its role is unknown then. If several commands are refused,
 * the detail shows the refusal that caused the others: that of AUTH, if there is one.
 */
export class RedisConversation implements Conversation {
  readonly farewell = "reset";
  private readonly role: RedisRole;
  private readonly password: string | null;
  private readonly user: string | null;
  private isAsked = false;

  constructor(
    options: CheckOptions,
    private readonly mask: Mask,
  ) {
    const { role = "any", password, user } = options;
    this.role = role;
    this.password = password ?? null;
    this.user = user ?? null;
  }

  next(answer: Uint8Array): Move {
    if (!this.isAsked) {
      this.isAsked = true;
      return { send: this.request() };
    }
    const lines = new Lines(answer);
    let refusal = "";
    if (this.password !== null) {
      const reply = lines.take();
      if (reply === null) return lines.wait("a reply to AUTH");
      if (reply !== "+OK") {
        if (!reply.startsWith("-")) return this.unexpected("+OK", reply);
        refusal = `AUTH answered ${this.clean(reply)}`;
      }
    }
    const pong = lines.take();
    if (pong === null) return lines.wait("+PONG");
    if (pong !== "+PONG" && !isLocked(pong)) return this.unexpected("+PONG", pong);
    if (this.role !== "any") return this.judgeRole(lines, refusal);
    if (refusal === "" && isLocked(pong)) refusal = `PING answered ${this.clean(pong)}`;
    return { ok: true, detail: refusal === "" ? "+PONG" : `alive, but ${refusal}` };
  }

  /** Reads `*3 $6 master …`; the rest of the array matters only for a replica. */
  private judgeRole(lines: Lines, refusal: string): Move {
    const head = lines.take();
    if (head === null) return lines.wait("a reply to ROLE");
    if (!/^\*[1-9]\d*$/.test(head)) {
      const isFromLogin = refusal !== "" && isLocked(head);
      const why = isFromLogin ? refusal : `ROLE answered ${this.clean(head)}`;
      return { ok: false, detail: `its role is unknown: ${why}` };
    }
    const size = lines.take();
    const word = size === null ? null : lines.take();
    if (word === null) return lines.wait("a reply to ROLE");
    const role = ROLE_NAMES[word] ?? word;
    if (role !== this.role) {
      return { ok: false, detail: `expected a ${this.role}, its role is ${this.clean(role)}` };
    }
    return role === "replica"
      ? this.judgeLink(lines, head)
      : { ok: true, detail: `+PONG, ${role}` };
  }

  /**
   * Reads `$8 10.0.0.1 :6379 $9 connected …`, the rest of a replica's array. A replica that has
   * lost its primary keeps answering, with data that gets older every second.
   */
  private judgeLink(lines: Lines, head: string): Move {
    const what = "the state of its link to the primary";
    if (Number(head.slice(1)) < REPLICA_WORDS) {
      return { ok: false, detail: `expected ${what}, got none` };
    }
    // The length of the primary's host, the host, its port, and the length of the state.
    for (let passed = 0; passed < 4; passed++) if (lines.take() === null) return lines.wait(what);
    const state = lines.take();
    if (state === null) return lines.wait(what);
    if (state === "connected") return { ok: true, detail: "+PONG, replica, connected" };
    const found = this.clean(state);
    return { ok: false, detail: `its link to the primary is ${found}, not connected` };
  }

  private request(): Uint8Array {
    const commands: string[][] = [];
    if (this.password !== null) {
      const user = this.user === null ? [] : [this.user];
      commands.push(["AUTH", ...user, this.password]);
    }
    commands.push(["PING"]);
    if (this.role !== "any") commands.push(["ROLE"]);
    return Buffer.from(commands.map(encoded).join(""));
  }

  private unexpected(expected: string, reply: string): Verdict {
    return { ok: false, detail: `expected ${expected}, got ${this.clean(reply)}` };
  }

  private clean(reply: string): string {
    return shownText(reply, this.mask);
  }
}

/** Reads an answer line by line. */
class Lines {
  private at = 0;

  constructor(private readonly answer: Uint8Array) {}

  /** The next line; null if it is not complete yet. */
  take(): string | null {
    const found = lineAt(this.answer, this.at);
    if (found === null) return null;
    this.at = found.next;
    return found.line;
  }

  /** Waits for a line, or fails if the incomplete line is already too long. */
  wait(what: string): Move {
    if (this.answer.length - this.at <= LINE_BYTES_MAX) return { awaits: what };
    return { ok: false, detail: `expected ${what}, got a line that does not end` };
  }
}

/** The check has no permission for this command. */
function isLocked(reply: string): boolean {
  return /^-(NOAUTH|NOPERM)\b/.test(reply);
}

function encoded(command: readonly string[]): string {
  const words = command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${command.length}\r\n${words.join("")}`;
}
