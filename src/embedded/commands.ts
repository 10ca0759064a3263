import {
  arityAllows,
  arityError,
  type Command,
  type Context,
  container,
  textAt,
} from "./command.ts";
import { connectionCommands } from "./connection-commands.ts";
import { configCommand, info } from "./info-commands.ts";
import { keyCommands } from "./key-commands.ts";

/** All commands of the embedded upstream. */
export const commands: readonly Command[] = [
  ...connectionCommands,
  ...keyCommands,
  { name: "info", arity: -1, run: info },
  configCommand,
  {
    name: "command",
    arity: -1,
    run(args, context) {
      // A bare COMMAND describes every command. Clients accept an empty description.
      if (args.length === 1) context.reply.array(0);
      else commandDetails.run(args, context);
    },
  },
];

const commandDetails = container("command", -2, [
  { name: "command|count", arity: 2, run: (_, { reply }) => reply.integer(commands.length) },
  // redis-cli asks for the documentation at its start, for hints, but works without it.
  { name: "command|docs", arity: -2, run: (_, { reply }) => reply.map(0) },
  { name: "command|info", arity: -2, run: (_, { reply }) => reply.array(0) },
  { name: "command|list", arity: -2, run: list },
]);

function list(_: readonly Buffer[], { reply }: Context): void {
  reply.array(commands.length);
  for (const command of commands) reply.bulkText(command.name);
}

/** The commands under both spellings that clients use, so that the common lookup converts
 *  nothing. */
const table = new Map<string, Command>();
for (const command of commands) {
  table.set(command.name, command);
  table.set(command.name.toUpperCase(), command);
}

/** A longer name cannot be a command, and need not be converted to be looked up. */
const nameBytesMax = 64;

/** Runs the command in `args` (at least the name) and encodes its reply into `context.reply`,
 *  exactly one unless it hangs up. Bad input is answered, never thrown. The arguments may be kept as
 *  values and replies, so the bytes that they point to must not change. */
export function execute(args: readonly Buffer[], context: Context): void {
  const { reply, session } = context;
  reply.protocol = session.protocol;
  const name = (args[0]?.length ?? 0) <= nameBytesMax ? textAt(args, 0) : "";
  const command = table.get(name) ?? table.get(name.toLowerCase());
  if (command === undefined) reply.error(unknownCommand(args));
  else if (!arityAllows(command, args.length)) reply.error(arityError(command.name));
  else command.run(args, context);
}

/** How much of an unknown command is shown, in bytes: of its name, and of its arguments
 *  together. */
const shownBytesMax = 128;

/** Source: rejectUnknownCommand() in Redis' server.c. */
function unknownCommand(args: readonly Buffer[]): string {
  let shown = "";
  for (let i = 1; i < args.length && shown.length < shownBytesMax; i++) {
    const text = args[i]?.toString("latin1", 0, shownBytesMax - shown.length) ?? "";
    shown += `'${text}' `;
  }
  const name = args[0]?.toString("latin1", 0, shownBytesMax) ?? "";
  return `ERR unknown command '${name}', with args beginning with: ${shown}`;
}
