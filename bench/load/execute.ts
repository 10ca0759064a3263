import { RequestsLoad } from "./requests.ts";

/**
 * Does one exchange with the upstream itself and checks its answer: how a scenario sets the value
 * that its clients will ask for.
 */
export async function execute(port: number, request: "set", valueBytes: number): Promise<void> {
  const load = new RequestsLoad({
    kind: "requests",
    connections: 1,
    request,
    valueBytes,
    pipeline: 1,
  });
  await load.connect(port);
  load.close();
}
