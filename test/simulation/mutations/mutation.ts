import type { Mutation } from "../../model/mutant.ts";

/** A way to break the relay layer. */
export interface ListedMutation extends Mutation {
  /** The story that has noticed it, by its number among those of the seed that mutants are given. */
  readonly story: number;
}

/** Those of some files, seen from src/. */
export type MutationsOf = Readonly<Record<string, readonly ListedMutation[]>>;
