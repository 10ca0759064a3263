/** All metrics, in the form that `contentType` says. */
export interface Exposition {
  readonly text: string;
  readonly contentType: string;
}
