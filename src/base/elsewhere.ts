import {
  missingHere,
  missingValues,
  NO_UDP,
  settingsOfOthers,
  valuesOfOthers,
} from "./words-of-others.ts";

/*
 * What other proxies call things. Whoever comes from one of them writes what he knows, and the word
 * that is too far from ours to look like a slip is the one that he searches for longest.
 */

/** What each of some words stands for; the first one that has it comes first. */
function byWord(all: Readonly<Record<string, string>>): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [here, words] of Object.entries(all)) {
    for (const word of words.split(" ")) found.set(word, [...(found.get(word) ?? []), here]);
  }
  return found;
}

const settings = byWord(settingsOfOthers);
const missing = byWord(missingHere);
const values = byWord(valuesOfOthers);

/** All settings that are named here, for the test that they exist. */
export const settingsNamed: readonly string[] = Object.keys(settingsOfOthers);
/** All values that are named here, likewise. */
export const wordsNamed: readonly string[] = Object.keys(valuesOfOthers);
/** All words of others for settings, each as often as something is said of it. */
export const wordsOfOthers: readonly string[] = [settings, missing].flatMap((map) =>
  [...map].flatMap(([word, all]) => all.map(() => word)),
);

/**
 * What ringway calls a setting of another proxy.
 *
 * @param word as it was written, in any spelling: `max_conn`, `timeout client`, `proxyTimeout`
 * @returns its name here, in camelCase; null when the word is none of theirs
 */
export function settingCalled(word: string): string | null {
  return found(settings, word);
}

/** The sentence for what other proxies have and ringway has not; null for any other word. */
export function notHere(word: string): string | null {
  return found(missing, word);
}

/**
 * The sentence for a value that stands for what ringway has not; null for any other.
 *
 * @param known the values of that setting
 */
export function notRelayed(word: string, known: readonly string[]): string | null {
  const one = missingValues.find(
    ([name, of]) => name === plain(word) && (of === null || known.includes(of)),
  );
  return one?.[2] ?? null;
}

/** Which of these values is what another proxy has another word for; null for none. */
export function valueCalled(word: string, known: readonly string[]): string | null {
  // Some words are one value of one setting, and another one of another.
  return (values.get(plain(word)) ?? []).find((one) => known.includes(one)) ?? null;
}

/** HAProxy has many of its words behind `option` or `no option`. */
function found(map: ReadonlyMap<string, readonly string[]>, word: string): string | null {
  const short = plain(word);
  const [one] = map.get(short) ?? map.get(short.replace(/^(no)?option/, "")) ?? [];
  return one ?? null;
}

/** Longest word that is looked at. */
const LENGTH_MAX = 64;

function plain(word: string): string {
  return word
    .slice(0, LENGTH_MAX)
    .toLowerCase()
    .replaceAll(/[-_. ]/g, "");
}

/** How others begin an address, and what they would write here. */
const schemes: readonly (readonly [RegExp, string])[] = [
  [/^(udp[46]?|quic[46]?|uxdg|dgram)(@|:(?!\d+$))/i, NO_UDP],
  [/\/udp$/i, NO_UDP],
  [/^unix@/i, "unix@ is called unix: here, as in unix:/path"],
  [/^(uxst|local)[@:]/i, "a unix socket is called unix: here, as in unix:/path"],
  [/^abns[xz]?@/i, "abns@ is called unix:@ here, as in unix:@name"],
  [/^(ipv[46]|tcp[46]?)@/i, "leave what stands before the host out, as in host:port"],
  [
    /^(tcp[46]?|ipv[46]):(?!\/\/)(?=.*:)/i,
    "leave what stands before the host out, as in host:port",
  ],
  [
    /^(fd|sockpair)@/i,
    "a descriptor is no address here; those that systemd opens are taken by themselves",
  ],
  [
    /^_[a-z\d-]+\._tcp\./i,
    "a service in DNS is called srv: here, as in srv:_redis._tcp.example.org",
  ],
  [
    /:(\+\d+|\$server_port)$/i,
    "ports that follow the client's are a range here, as long as that of the listener: -l :5000-5010 -u db:6000-6010",
  ],
];

/** Why an address of another proxy is none here, and how it is called; null when it looks like none of theirs. */
export function addressCalled(text: string): string | null {
  return schemes.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}
