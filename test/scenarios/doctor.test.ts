import { expect, test } from "bun:test";
import { CliProcess, runCli, WITHOUT_URING } from "../fixtures/cli-process.ts";

const linux = process.platform === "linux";

test("says which engine is taken and why, on stdout", async () => {
  const { code, out, err } = await runCli("doctor");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toMatch(/^ringway \d+\.\d+\.\d+ on Bun /);
  expect(out).toMatch(/\n--engine auto chooses: (uring|sockets) \(.+\)\n/);
  expect(out).toContain("\nBun's sockets (--engine sockets)\n");
  expect(out).not.toContain("\u001b");
});

test("the same for programs", async () => {
  const { code, out } = await runCli("doctor", "--json");
  expect(code).toBe(0);
  const findings = JSON.parse(out);
  expect(findings).toMatchObject({ bun: Bun.version, sockets: { ok: true } });
  expect(findings.uring.checks[0].name).toBe("io_uring");
  expect(findings.engine).toBe(findings.uring.ok ? "uring" : "sockets");
});

test.skipIf(!linux)("where a filter forbids io_uring: the cause, the remedy, exit 0", async () => {
  const doctor = new CliProcess(["doctor"], [], WITHOUT_URING);
  const { code, out } = await doctor.finished();
  expect(code).toBe(0);
  expect(out).toContain("\n--engine auto chooses: sockets (a seccomp filter forbids io_uring, ");
  expect(out).toContain("\nto use io_uring: give the container a seccomp profile ");
  expect(out).toContain("\n  MISSING  io_uring ");
});

test("help, and arguments that are not right", async () => {
  const help = await runCli("doctor", "-h");
  expect(help).toMatchObject({ code: 0, err: "" });
  expect(help.out).toStartWith("Usage: ringway doctor [--json]\n");
  const refused = async (...args: string[]) => {
    const { code, out, err } = await runCli(...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    return err;
  };
  expect(await refused("doctor", "--jsn")).toBe(
    'ringway: unknown flag "--jsn"; did you mean --json?\n',
  );
  expect(await refused("doctor", "x")).toBe('ringway: "x" is not a flag; see --help\n');
  expect(await refused("-v", "doctor")).toBe(
    'ringway: "doctor" is a command, which comes before all flags\n',
  );
});
