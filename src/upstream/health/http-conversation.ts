import { type CheckOptions, httpDefaults } from "./check-options.ts";
import { type Conversation, lineAt, type Move } from "./conversation.ts";
import { Mask } from "./mask.ts";
import { shown } from "./shown.ts";

/** Longest status line to wait for, in bytes. */
const LINE_BYTES_MAX = 8_192;

/** Sends a GET and judges the status; the body is not read. */
export class HttpConversation implements Conversation {
  readonly farewell = "reset";
  private readonly path: string;
  private readonly host: string;
  private readonly least: number;
  private readonly most: number;
  private isAsked = false;

  /** @param address what is being checked, for the Host */
  constructor({ path, host, status = httpDefaults.status }: CheckOptions, address: string) {
    this.path = path ?? httpDefaults.path;
    this.host = host ?? address;
    this.least = status.least;
    this.most = status.most;
  }

  next(answer: Uint8Array): Move {
    if (!this.isAsked) {
      this.isAsked = true;
      const lines = [
        `GET ${this.path} HTTP/1.1`,
        `Host: ${this.host}`,
        "User-Agent: ringway",
        "Accept: */*",
        "Connection: close",
      ];
      return { send: Buffer.from(`${lines.join("\r\n")}\r\n\r\n`) };
    }
    for (let at = 0; ; ) {
      const found = lineAt(answer, at);
      if (found === null) return this.wait(answer, at);
      const digits = /^HTTP\/1\.[01] ([1-9]\d\d)( |$)/.exec(found.line)?.[1];
      if (digits === undefined) return notHttp(answer.subarray(at));
      const status = Number(digits);
      // Informational statuses precede the final one. 101 is never asked for.
      if (status >= 200 || status === 101) return this.judge(status, answer.subarray(at));
      const end = Buffer.from(answer.buffer, answer.byteOffset, answer.length).indexOf(
        "\r\n\r\n",
        found.next - 2,
      );
      if (end === -1) return { awaits: "a final status" };
      at = end + 4;
    }
  }

  private judge(status: number, answer: Uint8Array): Move {
    if (status >= this.least && status <= this.most)
      return { ok: true, detail: shown(answer, Mask.none) };
    const { least, most } = this;
    const expected = least === most ? `${least}` : `${least}…${most}`;
    return { ok: false, detail: `expected status ${expected}, got ${shown(answer, Mask.none)}` };
  }

  private wait(answer: Uint8Array, at: number): Move {
    const line = answer.subarray(at);
    const start = Buffer.from(line.subarray(0, 7)).toString("latin1");
    if (!"HTTP/1.".startsWith(start) || line.length > LINE_BYTES_MAX) return notHttp(line);
    return { awaits: "a status line" };
  }
}

function notHttp(answer: Uint8Array): Move {
  return { ok: false, detail: `expected HTTP/1.1, got ${shown(answer, Mask.none)}` };
}
