/** Says that a refused configuration changes nothing. */
export const NOT_APPLIED = "the new configuration is not applied, the old one stays";
