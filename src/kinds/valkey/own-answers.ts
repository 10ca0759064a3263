import { textOf, writeBulk, writeError, writeInteger, writeSimple } from "../../resp/write.ts";
import type { Identity } from "./identity.ts";

/** What is known of a client for `CLIENT INFO` and the like. */
export interface ClientFacts {
  /** The number of its relay. */
  readonly id: number;
  /** `IP:port` or `unix`. */
  readonly client: string;
  /** The address that it connected to; null if it is unknown. */
  readonly local: string | null;
  readonly durationMs: number;
}

/** What a client has said of itself. */
export class ClientName {
  name = "";
  libraryName = "";
  libraryVersion = "";

  clear(): void {
    this.name = "";
  }

  /** The requests that say the same on a connection of the client's own. */
  introductions(): string[][] {
    const { libraryName, libraryVersion, name } = this;
    const all = [
      ["SETNAME", name],
      ["SETINFO", "LIB-NAME", libraryName],
      ["SETINFO", "LIB-VER", libraryVersion],
    ];
    return all.filter((words) => words.at(-1) !== "").map((words) => ["CLIENT", ...words]);
  }
}

/**
 * The answer to a command about the client's own session: CLIENT SETNAME, GETNAME, SETINFO, ID and INFO.
 *
 * @param command its full name: `CLIENT ID`
 * @param args all of the request's arguments
 */
export function ownAnswer(
  command: string,
  args: readonly Uint8Array[],
  said: ClientName,
  identity: Identity,
  facts: () => ClientFacts,
): Uint8Array {
  const [, , first, second] = args.map(textOf);
  const wanted = ARG_COUNTS[command];
  if (args.length !== wanted) {
    const name = command.toLowerCase().replace(" ", "|");
    return writeError(`ERR wrong number of arguments for '${name}' command`);
  }
  switch (command) {
    case "CLIENT ID":
      return writeInteger(facts().id);
    case "CLIENT GETNAME":
      return writeBulk(said.name === "" ? null : said.name, identity.protocol);
    case "CLIENT SETNAME":
      return setName(said, first as string);
    case "CLIENT SETINFO":
      return setInfo(said, first as string, second as string);
    default:
      return writeBulk(infoLine(said, identity, facts()), 2);
  }
}

/** Gives a client a name. @returns the reply */
export function setName(said: ClientName, name: string): Uint8Array {
  if (!isPlain(name)) {
    return writeError("ERR Client names cannot contain spaces, newlines or special characters.");
  }
  said.name = name;
  return OK;
}

export const OK = writeSimple("OK");

const ARG_COUNTS: Readonly<Record<string, number>> = {
  "CLIENT ID": 2,
  "CLIENT INFO": 2,
  "CLIENT GETNAME": 2,
  "CLIENT SETNAME": 3,
  "CLIENT SETINFO": 4,
};

function setInfo(said: ClientName, what: string, value: string): Uint8Array {
  const isName = what.toLowerCase() === "lib-name";
  if (!isName && what.toLowerCase() !== "lib-ver") {
    return writeError(`ERR Unrecognized option '${what}'`);
  }
  if (!isPlain(value)) {
    return writeError(`ERR ${what} cannot contain spaces, newlines or special characters.`);
  }
  if (isName) said.libraryName = value;
  else said.libraryVersion = value;
  return OK;
}

function infoLine(
  said: ClientName,
  { user, database, protocol }: Identity,
  facts: ClientFacts,
): string {
  const { name, libraryName, libraryVersion } = said;
  const who = user === null || user === "" ? "default" : user;
  const { id, client, local, durationMs } = facts;
  const age = Math.floor(durationMs / 1_000);
  return (
    `id=${id} addr=${client} laddr=${local ?? ""} fd=-1 name=${name} age=${age} idle=0 flags=N ` +
    `db=${database} sub=0 psub=0 ssub=0 multi=-1 watch=0 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 ` +
    `obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=client|info user=${who} redir=-1 resp=${protocol} ` +
    `lib-name=${libraryName} lib-ver=${libraryVersion} tot-net-in=0 tot-net-out=0 tot-cmds=0\n`
  );
}

/** Printable ASCII without spaces, as Valkey asks for. */
function isPlain(text: string): boolean {
  return /^[!-~]*$/.test(text);
}
