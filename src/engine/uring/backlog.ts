/** Connections that may wait for being accepted, as far as `net.core.somaxconn` allows. */
export const BACKLOG = 4096;
