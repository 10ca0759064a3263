import type { Stage, Visitor } from "./stage.ts";

/** Asks the listener's route function what becomes of a client. The answer comes later, to the client. */
export class Asking<C extends Visitor> implements Stage<C> {
  constructor(private readonly questions: { ask(client: C): void }) {}

  receive(client: C): void {
    this.questions.ask(client);
  }
}
