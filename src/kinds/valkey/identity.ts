/**
 * As whom, where and how a client speaks: what decides which connections it may share. Texts are the client's bytes
 * as Latin-1.
 */
export interface Identity {
  /** Null: the default user, without a password. Empty: the default user, by AUTH with a password alone. */
  readonly user: string | null;
  readonly password: string;
  /** As the client wrote it. */
  readonly database: string;
  readonly protocol: 2 | 3;
}

/** A client that has just connected. */
export const nobody: Identity = { user: null, password: "", database: "0", protocol: 2 };

/** The same text for the same identity, and for no other. */
export function identityKey({ user, password, database, protocol }: Identity): string {
  return JSON.stringify([user, password, database, protocol]);
}

/** One request of a greeting. */
export interface Greeting {
  readonly words: readonly string[];
  /** It may be refused, if the same request is not refused later. */
  readonly isTry: boolean;
}

/**
 * What a new connection has to say before it is one of an identity's. A user may not have the right to choose the
 * database that its client chose before it became that user, so that is tried before, too.
 */
export function greetingOf({ user, password, database, protocol }: Identity): Greeting[] {
  const greeting: string[][] = [];
  const auth = user === null ? [] : user === "" ? [password] : [user, password];
  if (protocol === 3) {
    const named = auth.length === 1 ? ["default", password] : auth;
    greeting.push(["hello", "3", ...(auth.length === 0 ? [] : ["AUTH", ...named])]);
  } else if (auth.length > 0) greeting.push(["auth", ...auth]);
  const must = greeting.map((words) => ({ words, isTry: false }));
  if (database === "0") return must;
  const select = { words: ["select", database], isTry: true };
  return must.length === 0 ? [{ ...select, isTry: false }] : [select, ...must, select];
}
