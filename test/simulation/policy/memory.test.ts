import { describe, expect } from "bun:test";
import { RECEIVE_MAX } from "../memory.ts";
import { policy } from "../scene.ts";
import { echo } from "../scripted-world.ts";

// Who has to go when there is no memory left.

const MIB = 1024 * 1024;
const CLIENTS = 64;

describe("clients that never read", () => {
  policy(
    "do not stop the others for ever",
    (scene) => {
      const upstream = scene.upstream(echo);
      scene.listen([upstream]);
      const innocent = scene.served();
      const { record } = scene;
      // One after the other, as nobody is accepted while there is no memory.
      while (record.poolEmptyCount === 0) {
        if (scene.clients.length > CLIENTS) throw new Error("there is still memory");
        const { client, end } = scene.pair(upstream);
        client.stall();
        end.send(MIB);
        scene.settle();
      }
      const from = scene.now;
      innocent.send(1);
      scene.until("it is answered", () => innocent.receivedBytes === 2);
      // Those that hold memory are looked at for 10 s.
      expect(scene.now - from).toBeWithin(9_000, 12_000);
      expect(innocent.isLetGo).toBe(false);
      expect(new Set(record.reasons)).toEqual(new Set(["memory_limit"]));
      expect(record.poolRefilledCount).toBeGreaterThan(0);
    },
    { memory: 16 * RECEIVE_MAX },
  );
});
