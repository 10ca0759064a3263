import type { Settings } from "../config/validate.ts";

/** Where a run has its settings from. */
export interface SettingsSource {
  /** Its file, if there is one. */
  readonly file: string | null;
  /** The file is watched: a change is a reload. */
  readonly isWatched: boolean;
  /** Reads all of them, the first time and at each reload. @throws ConfigError */
  read(): Promise<Settings>;
}
