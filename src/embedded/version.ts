/** The version of Redis whose behaviour the embedded upstream follows, as clients see it. */
export const redisVersion = "7.2.0";
