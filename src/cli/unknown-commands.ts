import type { WantedListener } from "../config/options.ts";
import { nearest } from "../config/suggest.ts";
import commands from "../kinds/valkey/commands.json";
import { nameOfListener } from "../relay/ledger/account.ts";

const known: readonly string[] = Object.keys(commands);

/**
 * Warns about commands of `valkeySlow` and `valkeyDeny` that are probably mistyped: `FLUSHAL` would
 * refuse nothing. That is no error, because a module or a later version may have any command.
 */
export function unknownCommands(listeners: readonly WantedListener[]): readonly string[] {
  const warnings = listeners.flatMap((one) => {
    if (one.valkey === null) return [];
    const { slow, deny } = one.valkey;
    const of = `of listener ${nameOfListener(one, one.address)}`;
    return [...said("valkeySlow", slow, of), ...said("valkeyDeny", deny, of)];
  });
  // Addresses with one name are one listener.
  return [...new Set(warnings)];
}

function said(setting: string, names: readonly string[], of: string): string[] {
  return names.flatMap((name) => {
    // Names of modules have a dot.
    if (known.includes(name) || name.includes(".")) return [];
    const near = nearest(name, known);
    const [command = ""] = name.split(" ");
    const why = `${setting} ${name} ${of} is no command of Valkey`;
    if (near !== null) return [`${why}: did you mean ${near}?`];
    return command !== name && known.includes(command) ? [why] : [];
  });
}
