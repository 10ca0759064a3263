import { writeArray, writeError } from "../../resp/write.ts";
import { Asked, type Asker } from "./asked.ts";
import { type Command, ownCommand } from "./command-table.ts";
import { type Identity, nobody } from "./identity.ts";
import type { Login } from "./login.ts";
import type { UpstreamConnection, Waiting } from "./upstream-connection.ts";
import { identityAfter } from "./wanted-identity.ts";

/** Knows the logins of a listener. */
export interface Logins {
  /** The login of an identity, which is made if there is none. */
  login(identity: Identity): Login;
}

/** A client that becomes somebody else. */
export interface Member extends Asker, Waiting {
  /** The shared connection that owes it replies, or did last. */
  shared: UpstreamConnection | null;
  /** A reply is owed to it from now on. */
  owed(): void;
  say(bytes: Uint8Array): void;
  /** Nobody can be asked. */
  notReached(connection: UpstreamConnection): void;
}

/** A change of identity, which the upstream has to agree to. */
interface Change {
  readonly to: Login;
  readonly request: readonly string[];
  /** The name that it gives itself with it; null for none. */
  readonly name: string | null;
  /** The upstream has been asked. */
  isAsked: boolean;
}

/** A request by which a client becomes somebody else. */
export const changeCommand: Command = { ...ownCommand, way: "share" };

/**
 * Who a client is, and whom it wants to be: AUTH, HELLO and SELECT. The upstream itself is asked, over a connection of
 * the new identity, where the request changes nothing; so who is let in is always what the upstream says now.
 *
 * Owner: a {@link ValkeyClient}.
 */
export class Membership {
  login: Login;
  private change: Change | null = null;

  constructor(
    private readonly logins: Logins,
    private readonly member: Member,
  ) {
    this.login = logins.login(nobody);
    this.login.clients++;
  }

  /** The upstream has not agreed yet. */
  get isChanging(): boolean {
    return this.change !== null;
  }

  /** A client asks for it. @param words all of its request */
  ask(words: readonly string[]): void {
    const wanted = identityAfter(this.login.identity, words);
    if (typeof wanted === "string") {
      this.member.say(writeError(wanted));
      return;
    }
    const to = this.logins.login(wanted.identity);
    to.clients++;
    const request = [words[0] as string, ...wanted.args];
    this.change = { to, request, name: wanted.name, isAsked: false };
    this.proceed();
  }

  /** Asks the upstream, if that is possible now. */
  proceed(): void {
    const { change, member } = this;
    if (change === null || change.isAsked) return;
    const shared = this.connectionFor(change.to);
    if (this.change === null) return;
    if (shared.isOver) {
      member.notReached(shared);
      return;
    }
    if (!shared.takesRequests) {
      shared.waiting.add(member);
      return;
    }
    change.isAsked = true;
    member.shared = shared;
    member.owed();
    shared.owes(new Asked(member, changeCommand));
    const bytes = writeArray(change.request);
    shared.append(bytes, 0, bytes.length);
  }

  /** The upstream has answered, or will not. @returns the name that the client has given itself with it; null for none */
  answered(isAccepted: boolean): string | null {
    const { change, login } = this;
    if (change === null) return null;
    this.change = null;
    if (isAccepted) {
      this.login = change.to;
      login.clients--;
      return change.name;
    }
    change.to.clients--;
    this.member.shared = null;
    return null;
  }

  /** The client is nobody again. */
  reset(): void {
    const to = this.logins.login(nobody);
    to.clients++;
    this.login.clients--;
    this.login = to;
    this.member.shared = null;
  }

  /** The client has left. */
  leave(): void {
    this.login.clients--;
    if (this.change !== null) this.change.to.clients--;
    this.change = null;
  }

  private connectionFor(to: Login): UpstreamConnection {
    const { shared } = this.member;
    const isGood = to === this.login && shared !== null && !shared.isOver && !shared.isRetired;
    return isGood ? shared : to.sharedFor();
  }
}
