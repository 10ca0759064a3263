import { beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Context, Session } from "./command.ts";
import { commands, execute } from "./commands.ts";
import { globMatches } from "./glob.ts";
import { ReplyEncoder } from "./reply.ts";
import { Store } from "./store.ts";

let nowMs: number;
let context: Context;
let session: Session;

beforeEach(() => useStore(256 * 1024 * 1024));

function useStore(memoryBytesMax: number): void {
  nowMs = 1_700_000_000_000;
  session = { id: 7, name: "", protocol: 2, closing: false };
  context = {
    store: new Store({ memoryBytesMax, now: () => nowMs }),
    reply: new ReplyEncoder(),
    session,
    status: { port: 1234, startedAtMs: performance.now(), connectionCount: 3, commandCount: 9 },
  };
}

/** Runs one command, given as its words, and returns the reply as latin1 text. */
function call(...words: (string | Buffer)[]): string {
  const sent: Buffer[] = [];
  context.reply.begin({ send: (bytes) => sent.push(Buffer.from(bytes)) });
  const args = words.map((word) => (typeof word === "string" ? Buffer.from(word, "latin1") : word));
  execute(args, context);
  context.reply.flush();
  return Buffer.concat(sent).toString("latin1");
}

/** The same for a command without blanks in its words, checking the reply without its line ends. */
function check(line: string, reply: string): void {
  expect(`${line} → ${call(...line.split(" "))}`).toBe(`${line} → ${reply}`);
}

const ok = "+OK\r\n";
const nil = "$-1\r\n";
const syntaxError = "-ERR syntax error\r\n";
const notAnInteger = "-ERR value is not an integer or out of range\r\n";
const invalidExpiry = "-ERR invalid expire time in 'set' command\r\n";
const outOfMemory = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";

describe("keys", () => {
  test("any bytes as key and value come back as they were", () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(bytes, bytes, (key, value) => {
        expect(call("SET", key, value)).toBe(ok);
        const expected = `$${value.length}\r\n${value.toString("latin1")}\r\n`;
        expect(call("GET", key)).toBe(expected);
      }),
    );
  });

  test.each([16_384, 65_536, 300_000])("a value of %d bytes comes back", (size) => {
    const value = Buffer.alloc(size, "ab");
    call("SET", "k", value);
    expect(call("GET", "k")).toBe(`$${size}\r\n${value}\r\n`);
  });

  test("the common commands", () => {
    check("GET k", nil);
    check("SET k v", ok);
    check("Get k", "$1\r\nv\r\n");
    check("EXISTS k k x", ":2\r\n");
    check("DBSIZE", ":1\r\n");
    check("MSET a 1 b 2 a 3", ok);
    check("MGET a x b", `*3\r\n$1\r\n3\r\n${nil}$1\r\n2\r\n`);
    check("MSET a", "-ERR wrong number of arguments for 'mset' command\r\n");
    check("MSET a 1 b", "-ERR wrong number of arguments for 'mset' command\r\n");
    check("DEL k a nope", ":2\r\n");
    check("FLUSHALL later", syntaxError);
    check("FLUSHALL ASYNC", ok);
    check("FLUSHDB", ok);
    check("DBSIZE", ":0\r\n");
    expect(context.store.memoryBytes).toBe(0);
  });

  test("SET with conditions and GET", () => {
    check("SET k a XX", nil);
    check("SET k a NX", ok);
    check("SET k b NX", nil);
    check("SET k b NX GET", "$1\r\na\r\n");
    check("SET k b XX GET", "$1\r\na\r\n");
    check("SET x b XX GET", nil);
    check("SET y b GET", nil);
    check("GET y", "$1\r\nb\r\n");
    check("SET k v NX XX", syntaxError);
    check("SET k v constructor", syntaxError);
  });

  test("SET with expiry", () => {
    for (const option of ["EX", "EX 1 PX 1", "KEEPTTL EX 1", "EX 1 KEEPTTL"]) {
      check(`SET k v ${option}`, syntaxError);
    }
    check("SET k v EX x", notAnInteger);
    for (const amount of ["0", "-1", "9223372036854775807"]) {
      check(`SET k v EX ${amount}`, invalidExpiry);
    }
    check("SET k v EX 10", ok);
    check("PTTL k", ":10000\r\n");
    check("SET k w KEEPTTL", ok);
    check("TTL k", ":10\r\n");
    nowMs += 9_999;
    check("GET k", "$1\r\nw\r\n");
    nowMs += 1;
    check("GET k", nil);
    check("TTL k", ":-2\r\n");
    check(`SET k v PXAT ${nowMs + 5}`, ok);
    check("PTTL k", ":5\r\n");
    check("SET k v", ok);
    check("TTL k", ":-1\r\n");
    check("SET k v EXAT 1", ok);
    check("EXISTS k", ":0\r\n");
  });

  test("INCR", () => {
    check("INCR n", ":1\r\n");
    check("SET n -1 EX 100", ok);
    check("INCR n", ":0\r\n");
    check("TTL n", ":100\r\n");
    for (const text of ["abc", "01", "1.5", "-0", "+1", "9223372036854775808", "1e3", "\x001"]) {
      check(`SET n ${text}`, ok);
      check("INCR n", notAnInteger);
    }
    check("SET n 9223372036854775806", ok);
    check("INCR n", ":9223372036854775807\r\n");
    check("INCR n", "-ERR increment or decrement would overflow\r\n");
    check("SET n -9223372036854775808", ok);
    check("INCR n", ":-9223372036854775807\r\n");
  });
});

describe("memory", () => {
  test("a full store refuses and stays as it was", () => {
    useStore(1000);
    check("SET a 1", ok);
    const before = context.store.memoryBytes;
    expect(call("SET", "a", Buffer.alloc(2000))).toBe(outOfMemory);
    expect(call("MSET", "a", "2", "b", Buffer.alloc(2000))).toBe(outOfMemory);
    check("GET a", "$1\r\n1\r\n");
    expect(context.store.memoryBytes).toBe(before);
    check("DEL a", ":1\r\n");
    expect(context.store.memoryBytes).toBe(0);
  });

  test("a short MGET cannot ask for an enormous copy", () => {
    call("SET", "k", Buffer.alloc(60_000));
    const many = Array.from({ length: 2000 }, () => "k");
    expect(call("MGET", ...many)).toBe("-ERR reply of 'mget' would exceed 67108864 bytes\r\n");
  });
});

describe("the connection", () => {
  test("PING, ECHO, SELECT, QUIT", () => {
    check("PING", "+PONG\r\n");
    check("ping hi", "$2\r\nhi\r\n");
    check("PING a b", "-ERR wrong number of arguments for 'ping' command\r\n");
    check("ECHO hi", "$2\r\nhi\r\n");
    check("SELECT 0", ok);
    check("SELECT 1", "-ERR DB index is out of range\r\n");
    check("SELECT a", notAnInteger);
    expect(session.closing).toBe(false);
    check("QUIT", ok);
    expect(session.closing).toBe(true);
  });

  test("words of HTTP hang up without an answer", () => {
    check("POST / HTTP/1.1", "");
    expect(session.closing).toBe(true);
  });

  test("CLIENT", () => {
    check("CLIENT ID", ":7\r\n");
    check("CLIENT GETNAME", nil);
    check("CLIENT SETNAME me", ok);
    check("CLIENT GETNAME", "$2\r\nme\r\n");
    const spaces = "Client names cannot contain spaces, newlines or special characters.";
    expect(call("CLIENT", "SETNAME", "a b")).toBe(`-ERR ${spaces}\r\n`);
    check("CLIENT SETINFO LIB-NAME x", ok);
    check("CLIENT SETINFO foo x", "-ERR Unrecognized option 'foo'\r\n");
    check("CLIENT GETNAME x", "-ERR wrong number of arguments for 'client|getname' command\r\n");
    check("CLIENT foo", "-ERR unknown subcommand 'foo'. Try CLIENT HELP.\r\n");
    check("CLIENT", "-ERR wrong number of arguments for 'client' command\r\n");
  });

  test("HELLO switches between RESP2 and RESP3", () => {
    expect(call("HELLO")).toStartWith("*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n");
    expect(call("HELLO", "3", "AUTH", "default", "x", "SETNAME", "me")).toStartWith("%7\r\n");
    check("CLIENT GETNAME", "$2\r\nme\r\n");
    check("GET nope", "_\r\n");
    check("CONFIG GET save", "%1\r\n$4\r\nsave\r\n$0\r\n\r\n");
    expect(call("INFO", "server")).toMatch(/^=\d+\r\ntxt:# Server\r\n/);
    expect(call("HELLO", "2")).toContain("proto\r\n:2\r\n");
    check("GET nope", nil);
  });

  test("HELLO refuses what it does not know and changes nothing", () => {
    check("HELLO 4", "-NOPROTO unsupported protocol version\r\n");
    check("HELLO x", "-ERR Protocol version is not an integer or out of range\r\n");
    check("HELLO 3 FOO", "-ERR Syntax error in HELLO option 'FOO'\r\n");
    expect(call("HELLO", "3", "SETNAME", "me", "AUTH", "root", "x")).toStartWith("-WRONGPASS ");
    expect(session).toEqual({ id: 7, name: "", protocol: 2, closing: false });
  });

  test("AUTH answers as a Redis without a password does", () => {
    check("AUTH default x", ok);
    expect(call("AUTH", "root", "x")).toStartWith("-WRONGPASS ");
    expect(call("AUTH", "x")).toStartWith("-ERR AUTH <password> called without any password");
    check("AUTH default x y", syntaxError);
    check("AUTH", "-ERR wrong number of arguments for 'auth' command\r\n");
  });

  test("RESET makes the connection a new one", () => {
    call("HELLO", "3", "SETNAME", "me");
    check("RESET", "+RESET\r\n");
    expect(session).toEqual({ id: 7, name: "", protocol: 2, closing: false });
  });
});

describe("questions about the upstream", () => {
  test("INFO", () => {
    call("SET", "k", "v", "EX", "9");
    const all = call("INFO");
    for (const line of ["# Server", "redis_version:7.2.0", "tcp_port:1234", "# Keyspace"]) {
      expect(all).toContain(`${line}\r\n`);
    }
    check("INFO keyspace", "$44\r\n# Keyspace\r\ndb0:keys=1,expires=1,avg_ttl=0\r\n\r\n");
    check("INFO nope", "$0\r\n\r\n");
    expect(call("INFO", "KEYSPACE", "server")).toContain("\r\n\r\n# Keyspace\r\n");
    expect(call("INFO", "everything").length).toBe(all.length);
  });

  test("CONFIG GET", () => {
    check("CONFIG GET save", "*2\r\n$4\r\nsave\r\n$0\r\n\r\n");
    check("CONFIG GET appendonl?", "*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n");
    check("CONFIG GET MAXMEMORY", "*2\r\n$9\r\nmaxmemory\r\n$9\r\n268435456\r\n");
    check("CONFIG GET nope", "*0\r\n");
    expect(call("CONFIG", "GET", "*")).toStartWith("*10\r\n");
    check("CONFIG GET", "-ERR wrong number of arguments for 'config|get' command\r\n");
    check("CONFIG SET a b", "-ERR unknown subcommand 'SET'. Try CONFIG HELP.\r\n");
  });

  test("COMMAND", () => {
    check("COMMAND", "*0\r\n");
    check("COMMAND DOCS", "*0\r\n");
    check("COMMAND COUNT", `:${commands.length}\r\n`);
    expect(call("COMMAND", "LIST")).toStartWith(`*${commands.length}\r\n`);
  });

  test.each([
    ["*", "anything", true],
    ["a*b*c", "aXbYbc", true],
    ["a*b*c", "aXbYb", false],
    ["[a-c]?[^x]", "b1y", true],
    ["[a-c]?[^x]", "b1x", false],
    ["\\*", "*", true],
    ["\\*", "a", false],
    ["[ab", "a", true],
    ["", "", true],
    ["?", "", false],
  ])("glob %p against %p", (pattern, text, matches) => {
    expect(globMatches(pattern, text)).toBe(matches);
  });
});

describe("errors", () => {
  test("unknown commands are told with what they came with", () => {
    check("foo a b", "-ERR unknown command 'foo', with args beginning with: 'a' 'b' \r\n");
    check("constructor", "-ERR unknown command 'constructor', with args beginning with: \r\n");
    const reply = call("x".repeat(300), "y".repeat(300), "z");
    const shown = `'${"x".repeat(128)}', with args beginning with: '${"y".repeat(128)}' `;
    expect(reply).toBe(`-ERR unknown command ${shown}\r\n`);
    expect(call("a\r\nb")).toStartWith("-ERR unknown command 'a  b'");
  });

  test("any words give exactly one well-formed reply", () => {
    const names = fc.constantFrom(...commands.map((command) => command.name));
    const word = fc.oneof(
      names,
      fc.constantFrom("get", "id", "nx", "ex", "3", "auth", "*", "[", ""),
      fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
    );
    fc.assert(
      fc.property(names, fc.array(word, { maxLength: 6 }), (name, words) => {
        session.closing = false;
        const reply = call(name, ...words);
        const silent = session.closing && name !== "quit";
        expect(reply).toMatch(silent ? /^$/ : /^[+\-:$*%_=][^\r\n]*\r\n/);
        if (/^[+\-:_]/.test(reply)) expect(reply.indexOf("\r\n")).toBe(reply.length - 2);
      }),
      { numRuns: 2000 },
    );
  });
});
