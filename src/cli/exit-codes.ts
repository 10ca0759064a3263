/** Exit codes of the program. That of a signal is 128 plus the signal's number. */
export const EXIT = {
  stopped: 0,
  start: 1,
  config: 2,
  defect: 70,
  SIGINT: 130,
  SIGTERM: 143,
} as const;

/** The meaning of each code, for the help and docs/operate.md. */
export const exitTexts: Readonly<Record<keyof typeof EXIT, string>> = {
  stopped: "ringway stopped as asked, or the command did what it was asked for",
  start: "ringway could not start here, or the command could not reach a running one",
  config: "the flags or the configuration are wrong",
  defect: "a defect of ringway: please report it",
  SIGINT: "a second SIGINT (Ctrl-C) ended it before the drain was over",
  SIGTERM: "a second SIGTERM ended it before the drain was over",
};
