import type { Reason } from "../../base/reason.ts";
import { textOf, writeError, writeSimple } from "../../resp/write.ts";
import { denied, TOO_LARGE } from "./errors.ts";
import type { ListenerFigures } from "./figures/listener-figures.ts";
import { ownError } from "./figures/own-error.ts";
import type { Membership } from "./membership.ts";
import { type ClientFacts, type ClientName, OK, ownAnswer } from "./own-answers.ts";
import type { OwnConnection } from "./own-connection.ts";
import type { Held } from "./requests.ts";

/** A client as far as its commands about itself concern it. */
export interface Answered {
  readonly said: ClientName;
  readonly facts: () => ClientFacts;
  readonly membership: Membership;
  readonly own: OwnConnection;
  readonly session: { readonly isInTransaction: boolean };
  readonly host: { readonly figures: ListenerFigures };
  say(bytes: Uint8Array): void;
  /** Its last words. @param reason null to end as a server does that was told to */
  endWith(bytes: Uint8Array, reason: Reason | null): void;
}

/** Answers a command that is about the client's own session. Nothing is owed to it. */
export function answer(client: Answered, { command, args, isPart }: Held): void {
  const { membership, own, said } = client;
  const { name } = command;
  if (isPart) {
    client.endWith(writeError(TOO_LARGE), "protocol_invalid");
    return;
  }
  switch (name) {
    case "AUTH":
    case "HELLO":
    case "SELECT":
      // Its own connection is as clean as any, but belongs to whom it was before.
      own.release();
      own.dropReserve(membership.login);
      membership.ask(args.map(textOf));
      break;
    case "RESET":
      own.discard();
      own.dropReserve(membership.login);
      membership.reset();
      said.clear();
      client.say(writeSimple("RESET"));
      break;
    case "QUIT":
      client.endWith(OK, null);
      break;
    default:
      client.say(ownAnswer(name, args, said, membership.login.identity, client.facts));
      own.renamed();
  }
}

/** Refuses a command that is denied. Nothing is owed to the client. */
export function deny(client: Answered, { command, isPart }: Held): void {
  const error = ownError(denied(command.name), client.host.figures);
  if (isPart) client.endWith(error, "access_denied");
  else if (client.session.isInTransaction) {
    // As with an error of Valkey's own, EXEC must fail: a command that does not exist sees to that.
    client.own.now?.ask(["RINGWAY.DENIED"], () => client.say(error));
  } else client.say(error);
}
