import { type Command, commandOf, isKnown } from "./command-table.ts";

/**
 * What becomes of commands at one listener: as the table says, but for those that its settings deny or take for slow.
 */
export class Policy {
  private readonly changed = new Map<Command, Command>();

  /** @param denied, slow names in capitals; `CONFIG` stands for all of its subcommands */
  constructor(
    private readonly denied: readonly string[],
    private readonly slow: readonly string[],
  ) {}

  /** Some commands are denied: whatever a client sends has to be looked at. */
  get denies(): boolean {
    return this.denied.length > 0;
  }

  /**
   * What a request is.
   *
   * @param command by its name alone; null if that does not say it
   * @param args see {@link commandOf}
   */
  of(named: Command | null, args: readonly Uint8Array[]): Command {
    const command = named ?? commandOf(args);
    if (this.denied.length === 0 && this.slow.length === 0) return command;
    // A client may make up names without end.
    if (!isKnown(command)) return this.change(command);
    let changed = this.changed.get(command);
    if (changed === undefined) {
      changed = this.change(command);
      this.changed.set(command, changed);
    }
    return changed;
  }

  private change(command: Command): Command {
    if (isOneOf(command.name, this.denied)) return { ...command, isDenied: true };
    if (command.way === "share" && isOneOf(command.name, this.slow))
      return { ...command, way: "pin" };
    return command;
  }
}

function isOneOf(name: string, names: readonly string[]): boolean {
  const [first = ""] = name.split(" ");
  return names.includes(name) || names.includes(first);
}
