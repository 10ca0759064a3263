import type { Command } from "./command-table.ts";
import type { Login } from "./login.ts";
import type { Logins } from "./membership.ts";
import type { ClientName } from "./own-answers.ts";
import type { Session } from "./session.ts";
import type { Tenant, UpstreamConnection } from "./upstream-connection.ts";

/** After a large reply a client keeps a connection of its own for this many smaller ones. */
const KEPT_FOR = 32;

/** What takes a client's name from a connection. */
const NAMELESS = [
  ["CLIENT", "SETNAME", ""],
  ["CLIENT", "SETINFO", "LIB-NAME", ""],
  ["CLIENT", "SETINFO", "LIB-VER", ""],
];

/**
 * The connection that a client has for itself while it needs one.
 *
 *     nothing ── lease ──► now ── release ──► back to its login
 *        ▲                        └─ (the client knows its number) ─► reserve ── lease ──► now
 *
 * Owner: a {@link ValkeyClient}.
 */
export class OwnConnection {
  /** The one that it has; null if it shares. */
  now: UpstreamConnection | null = null;
  /** It knows the number of its own connection, and so keeps that. */
  isNumbered = false;
  private reserve: UpstreamConnection | null = null;
  private login: Login | null = null;
  /** It is of no database in particular, and so not the client's. */
  private isAside = false;
  private keptFor = 0;
  /** The connection that it keeps has been told its name. */
  private isIntroduced = false;

  constructor(
    private readonly session: Session,
    private readonly tenant: Tenant,
    private readonly said: ClientName,
  ) {}

  /** Even what might be shared goes there. */
  get isPreferred(): boolean {
    return this.keptFor > 0;
  }

  /** It is of another database than its client, and only for the command that it was leased for. */
  get isElsewhere(): boolean {
    return this.now !== null && this.isAside;
  }

  /** There is one that it need not wait for. */
  get hasReserve(): boolean {
    return this.reserve !== null;
  }

  /**
   * Asks for one, which may not take requests yet.
   *
   * @returns null if all are leased; one that is over if there is no upstream
   */
  lease({ isAside }: Command, login: Login, logins: Logins): UpstreamConnection | null {
    const { reserve } = this;
    if (reserve !== null && !isAside) {
      this.reserve = null;
      this.isAside = false;
      return this.has(reserve, login);
    }
    this.isAside = isAside;
    const from = isAside ? logins.login({ ...login.identity, database: "0" }) : login;
    const connection = from.lease(this.tenant);
    return connection === null || connection.isOver ? connection : this.has(connection, from);
  }

  /** A reply came. @param isLarge the next ones may be, too: nobody should have to wait for them */
  replied(isLarge: boolean): void {
    if (isLarge) this.keptFor = KEPT_FOR;
    else if (this.keptFor > 0) this.keptFor--;
  }

  /** Gives it back if it has no state of the client, and is not needed. */
  releaseIfClean(): void {
    if (this.session.mayRelease && this.keptFor === 0) this.release();
  }

  /** Gives it back: it has no state of the client. */
  release(): void {
    const { login, now } = this;
    if (now === null) return;
    this.now = null;
    this.keptFor = 0;
    this.session.released();
    if (this.isNumbered && this.reserve === null && !this.isAside) {
      this.reserve = now;
      this.introduce(now);
    } else if (login !== null) this.handBack(now, login);
  }

  /** Closes it: it may have state of the client. */
  discard(): void {
    const { login, now } = this;
    this.now = null;
    this.session.released();
    if (now !== null) login?.discard(now);
  }

  /** Gives the reserve back. */
  dropReserve(login: Login): void {
    const { reserve } = this;
    this.reserve = null;
    this.isNumbered = false;
    if (reserve !== null) this.handBack(reserve, login);
  }

  /** The client has said something of itself, which others may look for. */
  renamed(): void {
    if (this.reserve !== null) this.introduce(this.reserve);
  }

  /** Says of the client on a connection of its own what it has said of itself. */
  introduce(connection: UpstreamConnection): void {
    for (const introduction of this.said.introductions()) {
      this.isIntroduced = true;
      connection.ask(introduction, () => {});
    }
  }

  /** Gives a connection back, which is not called like this client any more. */
  private handBack(connection: UpstreamConnection, login: Login): void {
    if (this.isIntroduced) for (const one of NAMELESS) connection.ask(one, () => {});
    this.isIntroduced = false;
    login.release(connection);
  }

  /** A connection is lost. @returns whether it was the one that it has now */
  lost(connection: UpstreamConnection): boolean {
    if (connection === this.reserve) this.reserve = null;
    // It may have been given back while what it owed was reported as lost.
    if (connection !== this.now) return false;
    this.now = null;
    return true;
  }

  private has(connection: UpstreamConnection, login: Login): UpstreamConnection {
    this.now = connection;
    this.login = login;
    this.session.leased();
    return connection;
  }
}
