/** What becomes of a configuration that is refused, wherever that is told: all of it, or nothing. */
export const NOT_APPLIED = "the new configuration is not applied, the old one stays";
