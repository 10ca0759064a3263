import { parseInteger } from "../resp/integer.ts";
import {
  bytesAt,
  type Command,
  type Context,
  container,
  errors,
  redisVersion,
  type Session,
  textAt,
  wordAt,
} from "./command.ts";

/** The commands about the connection itself. */
export const connectionCommands: readonly Command[] = [
  { name: "ping", arity: -1, run: ping },
  { name: "echo", arity: 2, run: (args, { reply }) => reply.bulk(bytesAt(args, 1)) },
  { name: "select", arity: 2, run: select },
  { name: "auth", arity: -2, run: auth },
  { name: "hello", arity: -1, run: hello },
  { name: "reset", arity: 1, run: reset },
  { name: "quit", arity: -1, run: quit },
  container("client", -2, [
    { name: "client|id", arity: 2, run: (_, { reply, session }) => reply.integer(session.id) },
    { name: "client|getname", arity: 2, run: getName },
    { name: "client|setname", arity: 3, run: setName },
    { name: "client|setinfo", arity: 4, run: setInfo },
  ]),
  // A web page can make a browser send an HTTP request here, whose body would be read as inline
  // commands. Like Redis, this hangs up on the two words that begin such lines.
  { name: "post", arity: -1, run: hangUp },
  { name: "host:", arity: -1, run: hangUp },
];

function ping(args: readonly Buffer[], { reply }: Context): void {
  if (args.length === 1) reply.simple("PONG");
  else if (args.length === 2) reply.bulk(bytesAt(args, 1));
  else reply.error("ERR wrong number of arguments for 'ping' command");
}

function select(args: readonly Buffer[], { reply }: Context): void {
  const index = parseInteger(bytesAt(args, 1));
  if (index === undefined) reply.error(errors.notAnInteger);
  else if (index !== 0n) reply.error("ERR DB index is out of range");
  else reply.simple("OK");
}

/** Runs `AUTH [user] password`. There is no password here: as in a Redis without one, the user
 *  `default` may give any, but has to give its name. */
function auth(args: readonly Buffer[], { reply }: Context): void {
  if (args.length > 3) reply.error(errors.syntax);
  else if (args.length === 2) reply.error(noPassword);
  else if (textAt(args, 1) !== onlyUser) reply.error(wrongPassword);
  else reply.simple("OK");
}

/** Runs `HELLO [version [AUTH user password] [SETNAME name]]`. What AUTH accepts is accepted
 *  here. */
function hello(args: readonly Buffer[], { reply, session }: Context): void {
  const version = args.length > 1 ? parseInteger(bytesAt(args, 1)) : BigInt(session.protocol);
  if (version === undefined) {
    reply.error("ERR Protocol version is not an integer or out of range");
    return;
  }
  if (version !== 2n && version !== 3n) {
    reply.error("NOPROTO unsupported protocol version");
    return;
  }
  const name = readHelloOptions(args, session);
  if (name.error !== undefined) {
    reply.error(name.error);
    return;
  }
  session.name = name.value;
  session.protocol = version === 2n ? 2 : 3;
  reply.protocol = session.protocol;
  greet(session, reply);
}

function greet(session: Session, reply: Context["reply"]): void {
  const texts = { server: "redis", version: redisVersion };
  const roles = { mode: "standalone", role: "master" };
  reply.map(7);
  for (const pair of Object.entries(texts)) for (const text of pair) reply.bulkText(text);
  reply.bulkText("proto");
  reply.integer(session.protocol);
  reply.bulkText("id");
  reply.integer(session.id);
  for (const pair of Object.entries(roles)) for (const text of pair) reply.bulkText(text);
  reply.bulkText("modules");
  reply.array(0);
}

/** @returns the connection's name after the options from `args[2]` on, or the text of an error. */
function readHelloOptions(
  args: readonly Buffer[],
  session: Session,
): { value: string; error?: string } {
  let value = session.name;
  let i = 2;
  while (i < args.length) {
    const word = wordAt(args, i);
    if (word === "auth" && i + 2 < args.length) {
      if (textAt(args, i + 1) !== onlyUser) return { value, error: wrongPassword };
      i += 3;
    } else if (word === "setname" && i + 1 < args.length) {
      value = textAt(args, i + 1);
      if (!isName(value)) return { value, error: nameError };
      i += 2;
    } else {
      const option = textAt(args, i).slice(0, 128);
      return { value, error: `ERR Syntax error in HELLO option '${option}'` };
    }
  }
  return { value };
}

/** Makes the connection as it was when it began. */
function reset(_: readonly Buffer[], { reply, session }: Context): void {
  session.name = "";
  session.protocol = 2;
  reply.simple("RESET");
}

function quit(_: readonly Buffer[], { reply, session }: Context): void {
  reply.simple("OK");
  session.closing = true;
}

function hangUp(_: readonly Buffer[], { session }: Context): void {
  session.closing = true;
}

function getName(_: readonly Buffer[], { reply, session }: Context): void {
  if (session.name === "") reply.nil();
  else reply.bulkText(session.name);
}

function setName(args: readonly Buffer[], { reply, session }: Context): void {
  const name = textAt(args, 2);
  if (!isName(name)) {
    reply.error(nameError);
    return;
  }
  session.name = name;
  reply.simple("OK");
}

/** Accepts the name and the version of a client library, and ignores them. */
function setInfo(args: readonly Buffer[], { reply }: Context): void {
  const attribute = wordAt(args, 2);
  if (attribute === "lib-name" || attribute === "lib-ver") reply.simple("OK");
  else reply.error(`ERR Unrecognized option '${textAt(args, 2).slice(0, 128)}'`);
}

const onlyUser = "default";
const wrongPassword = "WRONGPASS invalid username-password pair or user is disabled.";
const noPassword =
  "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?";

const nameError = "ERR Client names cannot contain spaces, newlines or special characters.";

/** The most bytes that a connection's name may have. Redis has no such limit, but this memory is
 *  shared. */
const nameBytesMax = 1024;

function isName(name: string): boolean {
  return name.length <= nameBytesMax && /^[!-~]*$/.test(name);
}
