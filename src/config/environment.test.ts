import { expect, test } from "bun:test";
import { fillIn } from "./environment.ts";

const environment = {
  HOST: "db",
  PORT: "5432",
  EMPTY: "",
  TRICK: "${HOST}",
  _x1: "y",
  GONE: undefined,
};

test.each([
  ["", ""],
  ["no variable, $5, $HOST, {HOST}, $", "no variable, $5, $HOST, {HOST}, $"],
  ["${HOST}:${PORT}", "db:5432"],
  ["${_x1}", "y"],
  ["${EMPTY}", ""],
  ["${EMPTY:-else}", "else"],
  ["${GONE:-else}", "else"],
  ["${HOST:-else}", "db"],
  ["${GONE:-}", ""],
  ["${GONE:-a:-b, c\n}", "a:-b, c\n"],
  ["$${HOST}", "${HOST}"],
  ["$$${HOST}", "$${HOST}"],
  ["a$${b", "a${b"],
  // What a variable holds is not looked into again.
  ["${TRICK}", "${HOST}"],
])("%j becomes %j", (text, filled) => {
  expect(fillIn(text, environment)).toBe(filled);
});

test.each([
  ["${GONE}", '"${GONE}": the environment variable GONE is not set'],
  ["a ${NONE} b", '"a ${NONE} b": the environment variable NONE is not set'],
  ["${constructor}", '"${constructor}": the environment variable constructor is not set'],
  ["${__proto__}", '"${__proto__}": the environment variable __proto__ is not set'],
])("%j is refused", (text, message) => {
  expect(() => fillIn(text, environment)).toThrow(new Error(message));
});

test.each(["${", "${}", "${HOST", "${1A}", "${A B}", "${A-b}", "${A:=b}", "${A:-${B}}", "${\n}"])(
  "%j is no variable",
  (text) => {
    expect(() => fillIn(text, environment)).toThrow(
      ": expected ${NAME} or ${NAME:-default}, or $${ for a plain ${",
    );
  },
);
