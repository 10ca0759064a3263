/** The text of a file, from `import … from "#page/…" with { type: "text" }`. */
declare const text: string;
export default text;
