import { fileGroup, fileMode, fileUser } from "../file-access.ts";
import { refuse, wholeNumber } from "../rule.ts";
import { count, countBy, duration, durationOrOff, modeBy, ownerBy, powerSize } from "./kind.ts";
import { perListener, perProxy } from "./setting.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** How long things may last, and how much they may use. */
export const limits = {
  idleTimeout: perListener({
    is: durationOrOff("10s…720h"),
    about: "End a relay after this much time without traffic in either direction.",
    more: "Up to 5 % later.",
    initial: "off",
    at: "idleTimeoutMs",
  }),
  clientIdleTimeout: perListener({
    is: durationOrOff("10s…720h"),
    about: "End a relay when its client has sent nothing for this long.",
    initial: "off",
    at: "clientIdleTimeoutMs",
  }),
  upstreamIdleTimeout: perListener({
    is: durationOrOff("10s…720h"),
    about: "End a relay when its upstream has sent nothing for this long.",
    initial: "off",
    at: "upstreamIdleTimeoutMs",
  }),
  keepAlive: perListener({
    is: durationOrOff("10s…9h"),
    about: "Let the kernel probe an end that has been silent for this long.",
    initial: "1m",
    at: "keepAliveMs",
  }),
  unixMode: perListener({
    is: modeBy(fileMode),
    about: "Permissions of the unix sockets to listen on, whatever the umask.",
    more: "At the top of a file, also for the admin server's socket. A socket without a file (unix:@name) has no permissions: everybody on the machine may connect, except to the admin server's.",
    initial: "0600",
    at: "unix.mode",
  }),
  unixUser: perListener({
    is: ownerBy(fileUser, "USER"),
    about: "The user that owns these sockets, by name or number.",
    unless: "the process's",
    more: "By default, the user that started ringway. Any other one needs root's rights.",
    at: "unix.user",
    example: "root",
  }),
  unixGroup: perListener({
    is: ownerBy(fileGroup, "GROUP"),
    about: "The group that owns these sockets, by name or number.",
    unless: "the process's",
    at: "unix.group",
    example: "root",
  }),
  backlog: perListener({
    is: count(1, 65_535),
    about: "Connections that may wait in the kernel to be accepted.",
    more: "At most net.core.somaxconn; ringway warns at its start if that is less. A reload changes it.",
    initial: 4_096,
    at: "backlog",
  }),
  keepAliveInterval: perListener({
    is: duration("1s…1h"),
    about: "The time between two keep-alive probes.",
    initial: "10s",
    at: "keepAliveIntervalMs",
  }),
  keepAliveProbes: perListener({
    is: count(1, 127),
    about: "An end that leaves this many keep-alive probes unanswered is gone.",
    initial: 6,
    at: "keepAliveProbes",
  }),
  tcpUserTimeout: perListener({
    is: durationOrOff("1s…24h"),
    about: "An end that has not acknowledged sent data for this long is gone.",
    more: "off leaves it to the system (about 15 minutes).",
    initial: "off",
    at: "tcpUserTimeoutMs",
  }),
  lifetime: perListener({
    is: durationOrOff("1s…720h"),
    about: "End a relay at this age.",
    more: "Up to 10 % earlier, or a second later while its client waits for an answer.",
    initial: "off",
    at: "lifetimeMs",
  }),
  connectTimeout: perListener({
    is: duration("1ms…24h"),
    about: "Give up a dial to an upstream after this time.",
    initial: "5s",
    at: "connectTimeoutMs",
    examples: { postgres: "2s" },
  }),
  halfCloseTimeout: perListener({
    is: duration("1ms…24h"),
    about: "After one end has finished, end the relay after this much time without traffic.",
    initial: "1m",
    at: "halfCloseTimeoutMs",
  }),
  drainDelay: perProxy({
    is: durationOrOff("1ms…1h"),
    about:
      "How long to keep accepting clients after a signal to stop, while /readyz says draining.",
    more: "This gives load balancers time to notice.",
    initial: "off",
    at: "drainDelayMs",
  }),
  drainTimeout: perProxy({
    is: duration("0…24h"),
    about: "How long running relays may go on after a signal to stop.",
    initial: "10s",
    at: "drainTimeoutMs",
  }),
  segmentSize: perProxy({
    is: powerSize(4 * KIB, MIB),
    about: "The size of one buffer.",
    initial: "64KiB",
    at: "memory.segmentSize",
    short: "b",
    needsRestart: true,
  }),
  segmentCount: perProxy({
    is: countBy(segmentCount, 1, null),
    about: "The most buffers of a worker, which allocates them when needed.",
    more: "All buffers together: 2MiB…64GiB.",
    initial: 4096,
    at: "memory.segmentCount",
    short: "n",
    needsRestart: true,
  }),
};

function segmentCount(value: unknown): number {
  const number = wholeNumber(value);
  return number >= 1 ? number : refuse(value, "a whole number of at least 1");
}
