import {
  missingHere,
  missingValues,
  NO_UDP,
  settingsOfOthers,
  valuesOfOthers,
} from "./words-of-others.ts";

/*
 * What other proxies call things. People who come from one of them write the words they know, and a
 * word that does not even resemble ours takes longest to find in the docs.
 */

/** The meaning of each word; if several entries have a word, the first one counts. */
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

/** All settings in these lists, for the test that they exist. */
export const settingsNamed: readonly string[] = Object.keys(settingsOfOthers);
/** All values in these lists, for the same test. */
export const wordsNamed: readonly string[] = Object.keys(valuesOfOthers);
/** All words for settings, each as often as it occurs. */
export const wordsOfOthers: readonly string[] = [settings, missing].flatMap((map) =>
  [...map].flatMap(([word, all]) => all.map(() => word)),
);

/**
 * Returns ringway's name for a setting of another proxy.
 *
 * @param word as it was written, in any spelling: `max_conn`, `timeout client`, `proxyTimeout`
 * @returns the key in camelCase; null for an unknown word
 */
export function settingCalled(word: string): string | null {
  return found(settings, word);
}

/** A sentence about something that ringway does not have; null for any other word. */
export function notHere(word: string): string | null {
  return found(missing, word);
}

/**
 * A sentence about a value that ringway does not support; null for any other.
 *
 * @param known the values of that setting
 */
export function notRelayed(word: string, known: readonly string[]): string | null {
  const one = missingValues.find(
    ([name, of]) => name === plain(word) && (of === null || known.includes(of)),
  );
  return one?.[2] ?? null;
}

/** Returns which of these values another proxy calls by this word; null for none. */
export function valueCalled(word: string, known: readonly string[]): string | null {
  // Some words mean different values for different settings.
  return (values.get(plain(word)) ?? []).find((one) => known.includes(one)) ?? null;
}

/** HAProxy writes `option` or `no option` before many words. */
function found(map: ReadonlyMap<string, readonly string[]>, word: string): string | null {
  const short = plain(word);
  const [one] = map.get(short) ?? map.get(short.replace(/^(no)?option/, "")) ?? [];
  return one ?? null;
}

/** The longest word to look up, in characters. */
const LENGTH_MAX = 64;

function plain(word: string): string {
  return word
    .slice(0, LENGTH_MAX)
    .toLowerCase()
    .replaceAll(/[-_. ]/g, "");
}

/** How other proxies begin an address, and what to write instead. */
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

/** Says how to write an address of another proxy here; null if the text does not look like one. */
export function addressCalled(text: string): string | null {
  return schemes.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}
