import { fileGroup, fileMode, fileUser } from "../file-access.ts";
import { refuse, wholeNumber } from "../rule.ts";
import { count, countBy, duration, durationOrOff, modeBy, ownerBy, powerSize } from "./kind.ts";
import { perListener, perProxy } from "./setting.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** How long things may last, and what they may take. */
export const limits = {
  idleTimeout: perListener({
    is: durationOrOff("10s…720h"),
    about: "End a relay after this much time without traffic in either direction.",
    more: "At most a twentieth later.",
    initial: "off",
    at: "idleTimeoutMs",
  }),
  clientIdleTimeout: perListener({
    is: durationOrOff("10s…720h"),
    about: "End a relay after this much time in which its client has sent nothing.",
    initial: "off",
    at: "clientIdleTimeoutMs",
  }),
  upstreamIdleTimeout: perListener({
    is: durationOrOff("10s…720h"),
    about: "End a relay after this much time in which its upstream has sent nothing.",
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
    about: "Permissions of the unix sockets that are listened on, whatever the umask is.",
    more: "At the top of a file those of the admin server's, too. A socket without a file (unix:@name) has none, and everybody on the machine may connect, but to the admin server's.",
    initial: "0600",
    at: "unix.mode",
  }),
  unixUser: perListener({
    is: ownerBy(fileUser, "USER"),
    about: "Their user, by name or number.",
    unless: "the process's",
    more: "That when it starts. For another one root's rights are needed.",
    at: "unix.user",
    example: "root",
  }),
  unixGroup: perListener({
    is: ownerBy(fileGroup, "GROUP"),
    about: "Their group, by name or number.",
    unless: "the process's",
    at: "unix.group",
    example: "root",
  }),
  backlog: perListener({
    is: count(1, 65_535),
    about: "Connections that may wait in the kernel for being accepted.",
    more: "It takes net.core.somaxconn where that is less, of which a start warns. A reload changes it.",
    initial: 4_096,
    at: "backlog",
  }),
  keepAliveInterval: perListener({
    is: duration("1s…1h"),
    about: "The time between two such probes.",
    initial: "10s",
    at: "keepAliveIntervalMs",
  }),
  keepAliveProbes: perListener({
    is: count(1, 127),
    about: "An end that leaves this many probes unanswered is gone.",
    initial: 6,
    at: "keepAliveProbes",
  }),
  tcpUserTimeout: perListener({
    is: durationOrOff("1s…24h"),
    about: "An end that acknowledges nothing of what was sent to it for this long is gone.",
    more: "off leaves it to the system (a quarter of an hour).",
    initial: "off",
    at: "tcpUserTimeoutMs",
  }),
  lifetime: perListener({
    is: durationOrOff("1s…720h"),
    about: "End a relay at this age.",
    more: "Up to a tenth earlier, or a second later while its client waits for an answer.",
    initial: "off",
    at: "lifetimeMs",
  }),
  connectTimeout: perListener({
    is: duration("1ms…24h"),
    about: "Give up a dial to an upstream after this.",
    initial: "5s",
    at: "connectTimeoutMs",
    examples: { postgres: "2s" },
  }),
  halfCloseTimeout: perListener({
    is: duration("1ms…24h"),
    about: "End a relay one of whose ends has finished after this much time without traffic.",
    initial: "1m",
    at: "halfCloseTimeoutMs",
  }),
  drainDelay: perProxy({
    is: durationOrOff("1ms…1h"),
    about:
      "How long to accept clients after a signal to stop, while /readyz says no, before draining.",
    more: "So a load balancer notices before the door is closed.",
    initial: "off",
    at: "drainDelayMs",
  }),
  drainTimeout: perProxy({
    is: duration("0…24h"),
    about: "How long running relays may go on at a stop.",
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
    about: "The most buffers of a worker; they are allocated when needed.",
    more: "2MiB…64GiB in all.",
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
