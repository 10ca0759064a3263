import type { SettingName } from "../config/settings.ts";

/** One flag of the command line. */
export interface Flag {
  /** The long form without its dashes. */
  readonly name: string;
  readonly short?: string;
  /** The setting that it gives a value to; the others are the command line's own business. */
  readonly setting?: SettingName;
  /** What its value is called in the help; a flag without one is a switch. */
  readonly hint?: string;
  /** May be given several times. */
  readonly repeatable?: boolean;
  /** What it does, for the help. */
  readonly text: string;
  /** The value unless given, as a person would type it. */
  readonly initial?: string;
}
