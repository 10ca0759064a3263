import { plainHostName } from "../../base/host-name-table.ts";
import { Alert, type Hello, OFFERS_MAX } from "./hello.ts";

/** Extensions that are read (RFC 8446, section 4.2). All others are skipped, encrypted hellos and GREASE included. */
enum Extension {
  ServerName = 0,
  Alpn = 16,
  SupportedVersions = 43,
}

const RANDOM_SIZE = 32;
const SESSION_ID_MAX = 32;
const HOST_NAME = 0;
const HOST_NAME_MAX = 255;

/** A hello breaks the rules. */
class HelloError extends Error {
  override readonly name = "HelloError";
  constructor(readonly alert: Alert) {
    super("a hello breaks the rules");
  }
}

/** The fields of a hello, one after the other. */
class Fields {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  get isEmpty(): boolean {
    return this.at === this.bytes.length;
  }

  /** A number of one or two bytes. */
  number(size: 1 | 2): number {
    const [high, low] = this.take(size);
    return low === undefined ? (high as number) : ((high as number) << 8) | low;
  }

  /** So many bytes, where they lie. */
  take(size: number): Uint8Array {
    const end = this.at + size;
    if (end > this.bytes.length) throw new HelloError(Alert.DecodeError);
    const taken = this.bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  /** Bytes that come behind their size, which takes one or two bytes. */
  vector(size: 1 | 2): Uint8Array {
    return this.take(this.number(size));
  }
}

/**
 * Reads the body of a ClientHello, behind the four bytes of its handshake header. Whatever two readers could
 * understand differently is refused: an upstream must not see another name than the one that chose it.
 *
 * Pure; nothing of `body` is kept.
 */
export function readClientHello(body: Uint8Array): Hello | Alert {
  try {
    return read(new Fields(body));
  } catch (error) {
    if (error instanceof HelloError) return error.alert;
    throw error;
  }
}

function read(fields: Fields): Hello {
  const version = fields.number(2);
  if (version >> 8 !== 3) throw new HelloError(Alert.ProtocolVersion);
  fields.take(RANDOM_SIZE);
  if (fields.vector(1).length > SESSION_ID_MAX) throw new HelloError(Alert.DecodeError);
  const suites = fields.vector(2);
  if (suites.length === 0 || suites.length % 2 !== 0) throw new HelloError(Alert.DecodeError);
  if (fields.vector(1).length === 0) throw new HelloError(Alert.DecodeError);
  // Hellos of TLS 1.2 may end here.
  const extensions = fields.isEmpty ? new Map<number, Uint8Array>() : extensionsOf(fields);
  const serverName = extensions.get(Extension.ServerName);
  const alpn = extensions.get(Extension.Alpn);
  const versions = extensions.get(Extension.SupportedVersions);
  return {
    isTls: true,
    name: serverName === undefined ? null : hostNameOf(new Fields(serverName)),
    alpn: alpn === undefined ? [] : protocolsOf(new Fields(alpn)),
    versions: versions === undefined ? named([version]) : versionsOf(new Fields(versions)),
  };
}

/** Those that are read, by their types; each may come once. */
function extensionsOf(fields: Fields): ReadonlyMap<number, Uint8Array> {
  const extensions = new Fields(fields.vector(2));
  if (!fields.isEmpty) throw new HelloError(Alert.DecodeError);
  const found = new Map<number, Uint8Array>();
  while (!extensions.isEmpty) {
    const type = extensions.number(2);
    const content = extensions.vector(2);
    if (found.has(type)) throw new HelloError(Alert.IllegalParameter);
    found.set(type, content);
  }
  return found;
}

/** The one name of the list: RFC 6066 allows no second one of its kind, and knows no other kind. */
function hostNameOf(fields: Fields): string {
  const names = new Fields(fields.vector(2));
  if (!fields.isEmpty || names.number(1) !== HOST_NAME) throw new HelloError(Alert.DecodeError);
  const name = names.vector(2);
  if (!names.isEmpty || name.length === 0 || name.length > HOST_NAME_MAX) {
    throw new HelloError(Alert.DecodeError);
  }
  const text = printable(name);
  // A space, a NUL or a raw UTF-8 byte is in no host name: those come as A-labels.
  if (text === null) throw new HelloError(Alert.IllegalParameter);
  return plainHostName(text);
}

function protocolsOf(fields: Fields): readonly string[] {
  const list = new Fields(fields.vector(2));
  if (!fields.isEmpty || list.isEmpty) throw new HelloError(Alert.DecodeError);
  const protocols: string[] = [];
  while (!list.isEmpty) {
    const protocol = list.vector(1);
    if (protocol.length === 0) throw new HelloError(Alert.DecodeError);
    // GREASE, and whatever else has no name that a route could have.
    const text = printable(protocol);
    if (text !== null && protocols.length < OFFERS_MAX) protocols.push(text);
  }
  return protocols;
}

function versionsOf(fields: Fields): readonly string[] {
  const list = fields.vector(1);
  if (!fields.isEmpty || list.length === 0 || list.length % 2 !== 0) {
    throw new HelloError(Alert.DecodeError);
  }
  const versions = new Fields(list);
  const numbers: number[] = [];
  while (!versions.isEmpty) numbers.push(versions.number(2));
  return named(numbers);
}

/** Versions by their names; drafts and GREASE have none. */
function named(versions: readonly number[]): readonly string[] {
  return [...new Set(versions)].flatMap((version) => versionNames.get(version) ?? []);
}

const versionNames: ReadonlyMap<number, string> = new Map([
  [0x0304, "1.3"],
  [0x0303, "1.2"],
  [0x0302, "1.1"],
  [0x0301, "1.0"],
]);

/** Bytes as a text if all of them are printable ASCII without spaces; else null. */
function printable(bytes: Uint8Array): string | null {
  for (const byte of bytes) if (byte <= 0x20 || byte >= 0x7f) return null;
  return String.fromCharCode(...bytes);
}
