import { test } from "bun:test";
import type { MemoryOptions } from "../../src/config/options.ts";
import type { TlsServerOptions } from "../../src/transport/tls/server-options.ts";
import type { NewEngine } from "../fixtures/engines.ts";
import { plainMemory } from "../fixtures/options.ts";
import { type Kind, Scene } from "./scene.ts";

/** What a contract needs from who runs it. */
export interface ContractOptions {
  readonly newEngine: NewEngine;
  /** How clients' TLS ends at the listeners of cases; missing: they speak none. */
  readonly tls?: TlsServerOptions;
  /** Cases that this engine cannot pass, by name, each with the cause. */
  readonly skip: readonly { readonly reason: string; readonly tests: readonly string[] }[];
}

/** What is special about a case. */
export interface CaseOptions {
  readonly timeoutMs?: number;
  readonly memory?: MemoryOptions;
  /** An address family that this machine may lack. */
  readonly needs?: readonly Kind[];
  /** It asks the system for something that only Linux answers. */
  readonly linux?: boolean;
}

const CASE_TIMEOUT_MS = 30_000;

/** The cases of a contract, each with a scene of its own, an audit at its end and a time bound. */
export class Suite {
  private readonly names = new Set<string>();

  constructor(private readonly options: ContractOptions) {}

  /** One case. */
  case(name: string, body: (scene: Scene) => Promise<void>, options: CaseOptions = {}): void {
    if (this.names.has(name)) throw new Error(`two cases are named "${name}"`);
    this.names.add(name);
    const cause = this.skipCause(name, options);
    if (cause !== null) {
      test.skip(`${name} (skipped: ${cause})`, () => {});
      return;
    }
    const { timeoutMs = CASE_TIMEOUT_MS, memory = plainMemory } = options;
    const run = async () => {
      const scene = new Scene(this.options.newEngine, memory, this.options.tls ?? null);
      try {
        await body(scene);
        await scene.close();
      } catch (error) {
        await scene.abandon();
        throw error;
      } finally {
        scene.clean();
      }
    };
    test(name, run, timeoutMs);
  }

  /** A skip must name cases that exist and say why. Call after the last case. */
  checkSkips(): void {
    for (const { reason, tests } of this.options.skip) {
      if (reason.trim() === "") throw new Error(`skipped without a reason: ${tests.join(", ")}`);
      for (const name of tests) {
        if (!this.names.has(name)) throw new Error(`no case is named "${name}"`);
      }
    }
  }

  private skipCause(name: string, { needs = [], linux = false }: CaseOptions): string | null {
    const skip = this.options.skip.find((one) => one.tests.includes(name));
    if (skip !== undefined) return skip.reason;
    if (linux && process.platform !== "linux") return "it reads /proc or calls Linux";
    if (needs.includes("tcp6") && !hasIPv6) return "this machine has no IPv6";
    if (needs.includes("unix") && process.platform === "win32") return "no unix sockets";
    return null;
  }
}

const hasIPv6 = (() => {
  try {
    Bun.listen({ hostname: "::1", port: 0, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
})();
