import type { Settings } from "../config/validate.ts";

/** Where the settings of a run come from. */
export interface SettingsSource {
  /** Its file, if there is one. */
  readonly file: string | null;
  /** Whether to reload when the file changes. */
  readonly isWatched: boolean;
  /** Reads all settings, at the start and at each reload. @throws ConfigError */
  read(): Promise<Settings>;
}
