import type { Mutation } from "../../model/mutant.ts";

/** A way to break the relay layer. */
export interface ListedMutation extends Mutation {
  /** No story has been seen to notice it yet: it asks for a rule or a story, or changes nothing that anybody can see. */
  readonly isOpen?: true;
}

/** Those of some files, seen from src/. */
export type MutationsOf = Readonly<Record<string, readonly ListedMutation[]>>;
