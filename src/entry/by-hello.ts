import type { Stage, Visitor } from "./stage.ts";
import { Alert, alertRecord, type Hello } from "./tls-hello/hello.ts";
import type { NameRoute, RouteTable } from "./tls-hello/routes.ts";

/** A client whose upstreams its hello decides about. */
export interface Greeted extends Visitor {
  /** What it has said; null if nobody has asked. */
  readonly hello: Hello | null;
  /** Its upstream is one of this route's, if that does not refuse it. */
  follow(route: NameRoute): void;
  /** Sends it bytes before it is refused. @returns whether all of them were taken */
  reply(bytes: Uint8Array): boolean;
}

/**
 * Finds the route of each client by what its hello says, whether that was only looked at or TLS was ended here. A
 * client without a route is refused, with the alert that TLS has for that. Owner: a listener.
 */
export class ByHello<C extends Greeted> implements Stage<C> {
  constructor(private readonly routes: RouteTable) {}

  receive(client: C): void {
    const { hello } = client;
    const route = hello === null ? null : this.routes.find(hello);
    if (route !== null) client.follow(route);
    if (route !== null && !route.isRefused) client.pass();
    else if (hello === null || hello.isTls) this.refuse(client, hello, route);
    else client.refuse(route === null ? "tls_plain_text" : "tls_no_route");
  }

  private refuse(client: C, hello: Hello | null, route: NameRoute | null): void {
    const isKnown = route === null && hello !== null && this.routes.knowsName(hello);
    const alert = isKnown ? Alert.NoApplicationProtocol : Alert.UnrecognizedName;
    client.refuse("tls_no_route", client.reply(alertRecord(alert)));
  }
}
