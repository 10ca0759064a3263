import { parseIPv4, parseIPv6 } from "../../base/ip.ts";
import { ipSockaddr } from "./endpoint.ts";
import type { ProxyHeader, ProxyHeaderError } from "./header.ts";

const PORT = /^(?:0|[1-9]\d{0,4})$/;
const PORT_MAX = 65_535;

const UNKNOWN: ProxyHeader = {
  version: 1,
  command: "proxy",
  transport: "unknown",
  source: null,
  destination: null,
  tlvs: [],
};

/** The rest of a line with this word is ignored, even single CRs and LFs. */
export const UNKNOWN_WORD = "UNKNOWN";

/** Reads a header of version 1. @param line the text between `PROXY ` and the end of the line */
export function readLine(line: string): ProxyHeader | ProxyHeaderError {
  const words = line.split(" ");
  const [family, source = "", destination = "", sourcePort = "", destinationPort = ""] = words;
  if (family === UNKNOWN_WORD) return UNKNOWN;
  const isIPv6 = family === "TCP6";
  if (!isIPv6 && family !== "TCP4") return "bad_line";
  if (words.length !== 5) return "bad_line";
  const read = isIPv6 ? ipv6Bytes : parseIPv4;
  const [from, to] = [read(source), read(destination)];
  if (from === null || to === null) return "bad_address";
  if (!isPort(sourcePort) || !isPort(destinationPort)) return "bad_port";
  return {
    version: 1,
    command: "proxy",
    transport: "tcp",
    source: ipSockaddr(from, Number(sourcePort)),
    destination: ipSockaddr(to, Number(destinationPort)),
    tlvs: [],
  };
}

function ipv6Bytes(text: string): number[] | null {
  return parseIPv6(text)?.flatMap((group) => [group >>> 8, group & 0xff]) ?? null;
}

function isPort(text: string): boolean {
  return PORT.test(text) && Number(text) <= PORT_MAX;
}
