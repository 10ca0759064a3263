import { BLOCK_BYTES, block, RIGHT, WRONG } from "../load/bulk.ts";

// The upstream of the bulk streams: compares every byte with the block that should come and
// acknowledges each whole block with one byte. Its port is the only argument.

const expected = block();
const right = Uint8Array.of(RIGHT);
const wrong = Uint8Array.of(WRONG);

Bun.listen<{ offset: number }>({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  socket: {
    open(socket) {
      socket.data = { offset: 0 };
    },
    data(socket, chunk) {
      const stream = socket.data;
      for (let at = 0; at < chunk.length; ) {
        const size = Math.min(chunk.length - at, BLOCK_BYTES - stream.offset);
        const to = stream.offset + size;
        if (chunk.compare(expected, stream.offset, to, at, at + size) !== 0) {
          socket.end(wrong);
          return;
        }
        at += size;
        stream.offset = to % BLOCK_BYTES;
        if (stream.offset === 0) socket.write(right);
      }
    },
  },
});
