/** What `import … from "#page/…" with { type: "text" }` gives: the file as it is. */
declare const text: string;
export default text;
