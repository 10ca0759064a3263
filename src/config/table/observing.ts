import { type Address, parseAddress } from "../../base/address.ts";
import { ConfigError, describe } from "../../base/error.ts";
import { NO_SYSLOG } from "../../base/words-of-others.ts";
import { fileGroup, fileMode, fileUser } from "../file-access.ts";
import { type Rule, refuse } from "../rule.ts";
import { secretOrFile } from "../secrets.ts";
import {
  addressBy,
  durationOrOff,
  modeBy,
  namedWord,
  onOff,
  ownerBy,
  secretBy,
  textBy,
  truth,
  word,
} from "./kind.ts";
import { perProxy } from "./setting.ts";

/** The forms in which ringway prints statistics at exit. */
const statsFormats = ["text", "json", "none"] as const;

/** What other proxies write for syslog, and its socket, which is no file. */
const SYSLOG = /^(syslog(:.*)?|\/dev\/log)$/i;
/** A scheme, or a port behind a host. A file with such a name must be given with its folder. */
const ADDRESS = /^[a-z][a-z\d]*(:|@)|^[^/]*:\d+$/i;

/** Logs, metrics, statistics and the admin server. */
export const observing = {
  accessLog: perProxy({
    is: textBy(accessLog, "WHERE"),
    about: "Where to write a JSON line when a relay ends: none, stdout or the path of a file.",
    more: "SIGUSR1 and SIGHUP reopen a file.",
    initial: "none",
    needsRestart: true,
  }),
  accessLogStarts: perProxy({
    is: onOff,
    about: "Also write a line when a relay starts.",
    initial: "off",
    at: "accessLog.starts",
    needsRestart: true,
  }),
  accessLogEvery: perProxy({
    is: durationOrOff("1s…24h"),
    about: "Also write a line this often while a relay runs.",
    initial: "off",
    at: "accessLog.everyMs",
    needsRestart: true,
  }),
  accessLogMode: perProxy({
    is: modeBy(fileMode),
    about: "Permissions of an access log file that ringway creates, whatever the umask.",
    more: "An existing file keeps its own.",
    initial: "0640",
    at: "accessLog.access.mode",
    needsRestart: true,
  }),
  accessLogUser: perProxy({
    is: ownerBy(fileUser, "USER"),
    at: "accessLog.access.user",
    about: "The owner of an access log file that ringway creates, by name or number.",
    unless: "the process's",
    example: "root",
    needsRestart: true,
  }),
  accessLogGroup: perProxy({
    is: ownerBy(fileGroup, "GROUP"),
    at: "accessLog.access.group",
    about: "The group of an access log file that ringway creates, by name or number.",
    unless: "the process's",
    example: "root",
    needsRestart: true,
  }),
  admin: perProxy({
    is: addressBy(admin),
    about: "Serve the admin page, the API and /metrics here.",
    more: "host:port, [ipv6]:port, unix:/path, or none.",
    initial: "none",
    needsRestart: true,
  }),
  adminToken: perProxy({
    is: secretBy(token(), "TOKEN"),
    about:
      "The token that admin requests must show, or file:PATH. Needed if other machines can reach the address.",
    more: "16…256 letters, digits and - . _ ~ + / =.",
    initial: "none",
    needsRestart: true,
  }),
  adminReadToken: perProxy({
    is: secretBy(token(), "TOKEN"),
    about: "A second token, which allows requests to look but not to change anything.",
    initial: "none",
    needsRestart: true,
  }),
  readyWhen: perProxy({
    is: namedWord(["accepting", "upstreams"], "WHAT"),
    about:
      "When /readyz says ready: while listeners accept (accepting), or while each also has a healthy upstream that takes relays (upstreams).",
    more: "Checks and dials decide whether an upstream is healthy. A load balancer or Kubernetes then sends clients elsewhere.",
    initial: "accepting",
    at: "admin.readyWhen",
    needsRestart: true,
  }),
  stats: perProxy({
    is: word(statsFormats, "FORM"),
    about: "The form of the statistics at exit.",
    initial: "text",
    at: "stats",
    needsRestart: true,
  }),
  verbose: perProxy({
    is: truth,
    about: "Log every relay, and print more statistics.",
    initial: false,
    at: "verbose",
    short: "v",
    needsRestart: true,
  }),
};

/** `none`, `stdout` or a path. A word without a dot or slash is more likely a mistake. */
function accessLog(value: unknown): string {
  if (typeof value === "string" && SYSLOG.test(value)) {
    throw new ConfigError(`${describe(value)}: ${NO_SYSLOG}`);
  }
  if (value === "none" || value === "stdout" || isPath(value)) return value;
  return refuse(value, "none, stdout or the path of a file, such as ./access.log");
}

function isPath(value: unknown): value is string {
  if (typeof value !== "string" || ADDRESS.test(value)) return false;
  return /[./]/.test(value) && !/\0|\/$/.test(value);
}

function admin(value: unknown): Address | "none" {
  if (value === "none") return value;
  if (typeof value !== "string") return refuse(value, "an address, or none");
  return parseAddress(value, "listener");
}

/** Text that a header can carry unchanged, and that is long enough not to be guessed. */
function token(): Rule<string> {
  const isRight = (text: string) => text === "none" || /^[\w.~+/=-]{16,256}$/.test(text);
  return secretOrFile(
    (text) => (isRight(text) ? text : undefined),
    "a token of 16…256 letters, digits and - . _ ~ + / =, or none",
  );
}
