/** The version of RESP that a client speaks. */
export type Protocol = 2 | 3;

/** How a client introduces itself. */
export interface Introduction {
  readonly protocol: Protocol;
  readonly user?: string;
  readonly password?: string;
  readonly database?: number;
  readonly name?: string;
}

/** A command with its arguments. */
export type Command = readonly [string, ...string[]];

/** A message of a channel, or of one that matches a pattern. */
export type Hear = (message: string, channel: string) => void;

/** A client library for Redis or Valkey. */
export interface Library {
  readonly name: string;
  readonly protocols: readonly Protocol[];
  /** After a reconnect it has the name that it was given when it connected. */
  readonly restoresName: boolean;
  /** The protocols in which it can subscribe, to channels and to patterns. */
  readonly subscribes: {
    readonly channels: readonly Protocol[];
    readonly patterns: readonly Protocol[];
  };
  connect(port: number, introduction: Introduction): Promise<LibraryClient>;
}

/** A connected client: what all libraries can do, each by its own means. */
export interface LibraryClient {
  /** Any command, as it is. */
  call(...command: Command): Promise<unknown>;
  setBytes(key: string, value: Buffer): Promise<void>;
  getBytes(key: string): Promise<Buffer | null>;
  /** MULTI, the commands, EXEC. @returns null if a key that is watched was changed */
  transact(commands: readonly Command[]): Promise<readonly unknown[] | null>;
  /** All at once, without waiting for replies in between. */
  pipeline(commands: readonly Command[]): Promise<readonly unknown[]>;
  /** Runs a script the way the library recommends it, if it has one of its own. */
  script(source: string, keys: readonly string[], values: readonly string[]): Promise<unknown>;
  subscribe(channel: string, hear: Hear): Promise<void>;
  /** As {@link subscribe}, for channels that match. */
  subscribePattern(pattern: string, hear: Hear): Promise<void>;
  close(): void;
}
