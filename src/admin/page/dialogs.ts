import { Refused } from "./client.ts";
import { byId, element, setText } from "./dom.ts";

/** A question to the person. */
export interface Question {
  readonly heading: string;
  readonly text: string;
  readonly list?: readonly string[];
  /** The label of the button that agrees; if missing, there is nothing to decide. */
  readonly yes?: string;
}

/** Asks a question, and waits for the answer. @returns whether it is yes */
export function ask({ heading, text, list = [], yes }: Question): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>("question");
  // One question at a time: an older one is answered with no.
  if (dialog.open) dialog.close("no");
  setText(byId("question-heading"), heading);
  setText(byId("question-text"), text);
  byId("question-list").replaceChildren(...list.map((line) => element("li", {}, line)));
  const yesButton = byId<HTMLButtonElement>("question-yes");
  const noButton = byId<HTMLButtonElement>("question-no");
  yesButton.hidden = yes === undefined;
  setText(yesButton, yes ?? "");
  setText(noButton, yes === undefined ? "Close" : "Cancel");
  dialog.returnValue = "no";
  dialog.showModal();
  noButton.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** Asks for the token until one is given. @param isWrong whether the one before was wrong */
export function askToken(isWrong: boolean): Promise<string> {
  const dialog = byId<HTMLDialogElement>("login");
  const input = byId<HTMLInputElement>("token");
  const kept = "is kept until you close this tab.";
  const text = isWrong ? `That token is wrong. The right one ${kept}` : `It ${kept}`;
  setText(byId("login-text"), text);
  input.value = "";
  dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    const closed = () => {
      const token = input.value.trim();
      input.value = "";
      if (/^[\x21-\x7e]+$/.test(token)) {
        dialog.removeEventListener("close", closed);
        resolve(token);
      } else dialog.showModal();
    };
    dialog.addEventListener("close", closed);
  });
}

/** Does something, and shows the error if it fails. */
export async function told(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const list = error instanceof Refused ? error.problems : [];
    await ask({ heading: "That did not work", text, list });
  }
}
