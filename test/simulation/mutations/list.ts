import { conduitMutations } from "./conduit.ts";
import { dialMutations } from "./dial.ts";
import { endingMutations } from "./ending.ts";
import { entryMutations } from "./entry.ts";
import { laneMutations } from "./lane.ts";
import { mirrorMutations } from "./mirror.ts";
import type { ListedMutation } from "./mutation.ts";

/** A mutation with its file, seen from src/. */
export interface RelayMutation extends ListedMutation {
  readonly file: string;
}

const all = [
  laneMutations,
  conduitMutations,
  dialMutations,
  endingMutations,
  mirrorMutations,
  entryMutations,
];

/** Ways to break the relay layer, each of which a story has to notice. */
export const relayLayerMutations: readonly RelayMutation[] = all
  .flatMap((part) => Object.entries(part))
  .flatMap(([file, mutations]) => mutations.map((mutation) => ({ file, ...mutation })));
