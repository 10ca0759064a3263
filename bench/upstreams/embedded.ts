import { startEmbeddedUpstream } from "../../src/embedded/server.ts";

// ringway's own small Redis in a process of its own, where redis-server is not installed. Its port
// is the only argument.

startEmbeddedUpstream({ port: Number(process.argv[2]) });
