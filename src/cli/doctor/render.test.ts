import { expect, test } from "bun:test";
import type { Findings } from "./examine.ts";
import { renderDoctor } from "./render.ts";

const findings: Findings = {
  version: "1.2.3",
  bun: "1.4.5",
  platform: "linux x64",
  kernel: "6.1.0-9-amd64",
  cpus: 4,
  engine: "sockets",
  why: "a seccomp filter forbids io_uring",
  remedy: "allow it",
  sockets: { ok: true, found: "Bun's sockets work" },
  uring: {
    ok: false,
    checks: [
      {
        name: "io_uring",
        use: "the whole engine",
        ok: false,
        needed: true,
        found: "a seccomp filter forbids io_uring",
        remedy: "allow it",
      },
      { name: "bundles", use: "a flag", ok: false, needed: false, found: "no", remedy: "wait" },
    ],
  },
  limits: [
    {
      name: "RLIMIT_NOFILE",
      found: "1,024",
      value: 1024,
      ok: false,
      use: "files",
      remedy: "raise",
    },
    { name: "somaxconn", found: "4,096", value: 4096, ok: true, use: "waiting", remedy: "" },
  ],
};

test("a table for a person", () => {
  expect(renderDoctor(findings, false)).toMatchInlineSnapshot(`
    "ringway 1.2.3 on Bun 1.4.5, linux x64, kernel 6.1.0-9-amd64, 4 processors
    --engine auto chooses: sockets (a seccomp filter forbids io_uring)
    to use io_uring: allow it

    io_uring (--engine uring)
      MISSING  io_uring       a seccomp filter forbids io_uring  the whole engine
               → allow it
      lacks    bundles        no                            a flag
               → wait

    Bun's sockets (--engine sockets)
      ok       listening      Bun's sockets work

    Limits
      low      RLIMIT_NOFILE  1,024                         files
               → raise
      ok       somaxconn      4,096                         waiting
    "
  `);
});

test("no engine at all, and another system", () => {
  const none = { ...findings, engine: null, kernel: null, platform: "darwin arm64", limits: [] };
  const text = renderDoctor({ ...none, cpus: 1 }, false);
  expect(text).toStartWith("ringway 1.2.3 on Bun 1.4.5, darwin arm64, 1 processor\n");
  expect(text).toContain("--engine auto chooses: none can run (");
  expect(text).not.toContain("Limits");
});

test("colours change nothing but the colour", () => {
  const coloured = renderDoctor(findings, true);
  expect(coloured).toContain("\u001b[31mMISSING\u001b[0m");
  expect(Bun.stripANSI(coloured)).toBe(renderDoctor(findings, false));
});
