/**
 * Puts a body between `<!-- name -->` and `<!-- end name -->`, instead of what is there now.
 *
 * @returns null when the text has no such place
 */
export function replaceMarked(text: string, name: string, body: string): string | null {
  const [open, close] = [`<!-- ${name} -->`, `<!-- end ${name} -->`];
  const from = text.indexOf(open);
  const to = text.indexOf(close, from);
  if (from < 0 || to < 0) return null;
  return `${text.slice(0, from)}${marked(name, body)}${text.slice(to + close.length)}`;
}

/** A body between the markers that {@link replaceMarked} finds again. */
export function marked(name: string, body: string): string {
  return `<!-- ${name} -->\n\n${body}\n\n<!-- end ${name} -->`;
}
