import type { HealthStatus } from "./health/monitor.ts";

/** What became of an upstream. */
export interface UpstreamEvent {
  readonly listener: string;
  readonly upstream: string;
  readonly from: HealthStatus;
  readonly to: HealthStatus;
  /** A clause for the log. */
  readonly why: string;
  /** Nothing has shown that it is up: it may be tried again, no more. */
  readonly isUntried?: true;
}

/** One of several addresses of an upstream's name is well now, or is not any more. */
export interface AddressEvent {
  readonly listener: string;
  readonly upstream: string;
  readonly address: string;
  readonly isWell: boolean;
  /** A clause for the log. */
  readonly why: string;
}

/** A host name of upstreams has other addresses. */
export interface NameEvent {
  readonly name: string;
  /** All that it has now, at least one. */
  readonly addresses: readonly string[];
  /** False when it is the first answer, to the first question. */
  readonly isNews: boolean;
}

/** A service of upstreams has other members, or its members other weights. */
export interface ServiceEvent {
  readonly name: string;
  /** So many places it has now, at least one. */
  readonly count: number;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** False when it is the first answer, to the first question. */
  readonly isNews: boolean;
}

/** What is told of upstreams. */
export interface UpstreamsObserver {
  upstreamChanged?(event: UpstreamEvent): void;
  addressChanged?(event: AddressEvent): void;
  /**
   * Several servers of a listener say that they are the primary; or that is over, with one or none.
   *
   * @param upstreams their names
   */
  primariesChanged?(listener: string, upstreams: readonly string[]): void;
  /** So few are open that all are treated as open; or that is over. */
  panicChanged?(listener: string, isOn: boolean): void;
  nameChanged?(event: NameEvent): void;
  /** A name cannot be resolved any more; it keeps its addresses. `why` is a clause. */
  nameFailing?(name: string, why: string): void;
  /** Of a name's addresses some may not be dialled; told once as long as it has them. */
  nameTrouble?(name: string, what: string): void;
  serviceChanged?(event: ServiceEvent): void;
  /** A service cannot be resolved any more; it keeps its members. `why` is a clause. */
  serviceFailing?(name: string, why: string): void;
  /** Something that DNS says of a service cannot be followed; told once as long as it says so. */
  serviceTrouble?(name: string, what: string): void;
}
