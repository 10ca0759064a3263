import type { SettingName } from "../config/settings.ts";

/** One flag of the command line. */
export interface Flag {
  /** The long form without dashes. */
  readonly name: string;
  readonly short?: string;
  /** The setting that it sets; missing for flags of the command line itself. */
  readonly setting?: SettingName;
  /** The help's word for its value; missing for a switch. */
  readonly hint?: string;
  /** May be given several times. */
  readonly repeatable?: boolean;
  /** What it does, for the help. */
  readonly text: string;
  /** The default as a person would type it. */
  readonly initial?: string;
}
