import type { Socket } from "bun";

// What a person writes in ten minutes. Bytes are not lost while both ends live, but nothing slows a
// source down, so that a slow reader fills the memory; there is no half-close, what is queued when
// an end closes is gone, and one refused upstream ends it all.

type End = { other?: Socket<End>; queue: Uint8Array[] };
const [port = 0, upstream = 0] = process.argv.slice(2).map(Number);

function forward(to: Socket<End> | undefined, queue: Uint8Array[], chunk: Uint8Array): void {
  const written = queue.length > 0 || to === undefined ? 0 : Math.max(0, to.write(chunk));
  if (written < chunk.length) queue.push(chunk.subarray(written));
}
const socket = {
  async open(client: Socket<End>) {
    if (client.data !== undefined) return;
    client.data = { queue: [] };
    const data = { other: client, queue: [] };
    client.data.other = await Bun.connect<End>({
      hostname: "127.0.0.1",
      port: upstream,
      data,
      socket,
    });
    socket.drain(client.data.other);
  },
  data: ({ data }: Socket<End>, chunk: Buffer) => forward(data.other, data.queue, chunk),
  drain(target: Socket<End>) {
    const queue = target.data.other?.data.queue ?? [];
    const chunks = queue.splice(0);
    for (const chunk of chunks) forward(target, queue, chunk);
  },
  close: ({ data }: Socket<End>) => void data.other?.end(),
};
Bun.listen<End>({ hostname: "127.0.0.1", port, socket });
