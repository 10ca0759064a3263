import { startEmbeddedUpstream } from "../../src/embedded/server.ts";

// A thread of its own, so that the upstream takes no time from the proxy's process nor from the
// driver's loop; it ends with the demo, however that ends.
const { address } = startEmbeddedUpstream();
if ("port" in address) postMessage(address.port);
