import type { Reason } from "../../base/reason.ts";
import { textOf, writeArray, writeError, writeSimple } from "../../resp/write.ts";
import { Asked, type Asker } from "./asked.ts";
import { ownCommand } from "./command-table.ts";
import { denied, TOO_LARGE } from "./errors.ts";
import type { ListenerFigures } from "./figures/listener-figures.ts";
import { ownError } from "./figures/own-error.ts";
import type { Membership } from "./membership.ts";
import { type ClientFacts, type ClientName, OK, ownAnswer } from "./own-answers.ts";
import type { OwnConnection } from "./own-connection.ts";
import type { Held } from "./requests.ts";
import type { Session } from "./session.ts";

/** A client as far as its commands about itself concern it. */
export interface Answered extends Asker {
  readonly said: ClientName;
  readonly facts: () => ClientFacts;
  readonly membership: Membership;
  readonly own: OwnConnection;
  readonly session: Pick<Session, "isInTransaction" | "requested">;
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
    client.session.requested(ownCommand);
    client.own.now?.owes(new Asked(new Denial(client, error), ownCommand));
    client.own.now?.append(DENIED, 0, DENIED.length);
  } else client.say(error);
}

const DENIED = writeArray(["RINGWAY.DENIED"]);

/** Gives a client the error for a command that is denied, in place of what the upstream says of it. */
class Denial implements Asker {
  constructor(
    private readonly client: Answered,
    private readonly error: Uint8Array,
  ) {}

  get isGone(): boolean {
    return this.client.isGone;
  }

  get facts(): () => ClientFacts {
    return this.client.facts;
  }

  holdsUp(connection: { takeOn(): void }): boolean {
    return this.client.holdsUp(connection);
  }

  receive(): void {}

  replied(asked: Asked, errorText: string | null, size: number): void {
    this.client.say(this.error);
    this.client.replied(asked, errorText, size);
  }

  lost(asked: Asked, _: boolean, wasConnected: boolean): void {
    this.client.lost(asked, false, wasConnected);
  }

  askAgain(asked: Asked): void {
    this.client.lost(asked, false, true);
  }
}
