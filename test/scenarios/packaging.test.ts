import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { runProgram } from "../clients/programs.ts";

const ROOT = resolve(import.meta.dir, "../..");

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly { readonly value: number; readonly valueTwo: number }[];
}

interface Profile {
  readonly defaultAction: string;
  readonly architectures: readonly string[];
  readonly syscalls: readonly Rule[];
}

const path = join(ROOT, "packaging/seccomp-io_uring.json");
const profile = (await Bun.file(path).json()) as Profile;
const IO_URING = ["io_uring_setup", "io_uring_enter", "io_uring_register"];

/** The actions of the rules that name a call. */
function actionsOf(name: string): string[] {
  return profile.syscalls.filter(({ names }) => names.includes(name)).map(({ action }) => action);
}

test("the seccomp profile allows io_uring and nothing forbids it again", () => {
  for (const name of IO_URING) expect(actionsOf(name)).toEqual(["SCMP_ACT_ALLOW"]);
});

test("it forbids what reaches out of a container", () => {
  expect(profile.defaultAction).toBe("SCMP_ACT_ALLOW");
  for (const name of ["mount", "unshare", "setns", "ptrace", "bpf", "init_module", "kexec_load"]) {
    expect(actionsOf(name)).toEqual(["SCMP_ACT_ERRNO"]);
  }
  const clone = profile.syscalls.filter(({ names }) => names.includes("clone"));
  const flags = clone.map(({ args = [] }) => args[0]?.value ?? 0);
  expect(flags.reduce((all, flag) => all | flag, 0)).toBe(0x7e020000);
});

test("programs that find no clone3 take clone", () => {
  const [rule] = profile.syscalls.filter(({ names }) => names.includes("clone3"));
  expect(rule).toMatchObject({ action: "SCMP_ACT_ERRNO", errnoRet: 38 });
});

test("it is in the form of the OCI's runtime specification, with each name once", () => {
  expect(Object.keys(profile)).toEqual(["defaultAction", "architectures", "syscalls"]);
  expect(profile.architectures).toContain("SCMP_ARCH_AARCH64");
  const names = profile.syscalls.flatMap(({ names, args }) => (args === undefined ? names : []));
  expect(new Set(names).size).toBe(names.length);
});

test("systemd's unit has no rights but those that it needs, and gets none", async () => {
  const unit = await Bun.file(join(ROOT, "packaging/ringway.service")).text();
  const capabilities = [...unit.matchAll(/^\w*Capabilit\w+=(.*)$/gm)].map(([, value]) => value);
  expect(capabilities).toEqual(["CAP_NET_BIND_SERVICE", "CAP_NET_BIND_SERVICE"]);
  for (const line of ["DynamicUser=yes", "NoNewPrivileges=yes", "LimitCORE=0"]) {
    expect(unit.split("\n")).toContain(line);
  }
  const denied = /^SystemCallFilter=~(.*)$/m.exec(unit)?.[1] ?? "";
  for (const group of ["@debug", "@module", "@mount"]) expect(denied.split(" ")).toContain(group);
});

describe("what is installed", () => {
  interface NpmLock {
    /** By their paths; `name` where a package is installed under another one. */
    readonly packages: Readonly<
      Record<string, { readonly name?: string; readonly version?: string; resolved?: string }>
    >;
  }

  interface BunLock {
    /** Name and version, source, what it depends on, and its hash. */
    readonly packages: Readonly<
      Record<string, [string, string, { dependencies?: Record<string, string> }?, string?]>
    >;
  }

  const read = async () => ({
    npm: (await Bun.file(join(ROOT, "package-lock.json")).json()) as NpmLock,
    // It has commas at the end of its lists.
    bun: Bun.JSONC.parse(await Bun.file(join(ROOT, "bun.lock")).text()) as BunLock,
    own: (await Bun.file(join(ROOT, "package.json")).json()) as Manifest,
  });

  interface Manifest {
    readonly dependencies: Readonly<Record<string, string>>;
    readonly devDependencies: Readonly<Record<string, string>>;
  }

  test("is the same for npm and for Bun, to the last dependency", async () => {
    const { npm, bun } = await read();
    const byNpm = new Set<string>();
    for (const [path, { name, version }] of Object.entries(npm.packages)) {
      if (path !== "") byNpm.add(`${name ?? path.split("node_modules/").at(-1)}@${version}`);
    }
    const byBun = new Set(Object.values(bun.packages).map(([one]) => one));
    expect(byBun.size).toBeGreaterThan(50);
    expect([...byBun].filter((one) => !byNpm.has(one))).toEqual([]);
    // Of packages with a build for each system npm names more than Bun installs here.
    const names = new Set([...byBun].map(nameOf));
    expect([...byNpm].filter((one) => names.has(nameOf(one)) && !byBun.has(one))).toEqual([]);
  });

  test("is named by its version and its hash, and by no place that it is from", async () => {
    const { npm, own } = await read();
    for (const [name, { resolved }] of Object.entries(npm.packages)) {
      expect([name, resolved]).toEqual([name, undefined]);
    }
    for (const version of Object.values({ ...own.dependencies, ...own.devDependencies })) {
      expect(version).toMatch(/^(npm:@?[\w./-]+@)?\d+\.\d+\.\d+$/);
    }
  });

  function nameOf(one: string): string {
    return one.slice(0, one.lastIndexOf("@"));
  }

  // Nobody's lock goes with a package: what its dependencies need in turn would be whatever is newest.
  test("with the package has exact versions, too, whoever needs it", async () => {
    const { bun, own } = await read();
    const needed = Object.keys(own.dependencies);
    for (const name of needed) {
      const [, , about] = bun.packages[name] ?? ["", ""];
      expect(needed).toEqual(expect.arrayContaining(Object.keys(about?.dependencies ?? {})));
    }
  });
});

describe("the package, in a project that has nothing else", () => {
  let project = "";

  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), "ringway-package-"));
    await Bun.write(join(project, "package.json"), '{ "type": "module" }');
    await Bun.write(join(project, "program.ts"), PROGRAM);
    const packed = join(project, "ringway.tgz");
    await succeed([process.execPath, "pm", "pack", "--filename", packed], ROOT);
    const folder = join(project, "node_modules/ringway");
    await mkdir(folder, { recursive: true });
    await succeed(["tar", "-xzf", packed, "-C", folder, "--strip-components=1"], project);
  }, 30_000);

  afterAll(() => rm(project, { recursive: true }));

  // Nothing is linked yet: the types want neither Bun's nor those of a dependency.
  test.each([
    ["nodenext", "nodenext", []],
    ["nodenext", "nodenext", ["--erasableSyntaxOnly"]],
    ["esnext", "bundler", ["--lib", "es2022"]],
    ["esnext", "bundler", ["--lib", "esnext", "--erasableSyntaxOnly"]],
  ])(
    "has types for module %s, resolution %s, %p",
    async (module, resolution, more) => {
      const tsc = [process.execPath, join(ROOT, "node_modules/@typescript/native/bin/tsc")];
      const how = ["--module", module, "--moduleResolution", resolution, ...more];
      await succeed([...tsc, "--noEmit", "--strict", ...how, "program.ts"], project);
    },
    20_000,
  );

  test("runs from its sources", async () => {
    const { dependencies } = await Bun.file(join(ROOT, "package.json")).json();
    for (const name of Object.keys(dependencies)) {
      const place = join(project, "node_modules", name);
      await mkdir(dirname(place), { recursive: true });
      await symlink(join(ROOT, "node_modules", name), place);
    }
    const said = await succeed([process.execPath, "program.ts"], project);
    expect(said).toBe("listening, relays running: 0\n");
  });
});

/** What a user may write; a type that is `any` would fail here. */
const PROGRAM = `
import { type Config, ConfigError, createProxy, defineConfig, type Route } from "ringway";

// In no library of the language itself.
declare const console: { log(what: unknown): void };

const route: Route = ({ client, header }) =>
  client.startsWith("10.66.") ? { refuse: true, label: header?.authority ?? "none" } : undefined;
const config: Config = defineConfig({ listen: "127.0.0.1:0", upstream: "127.0.0.1:9", route });
// @ts-expect-error: a key that is not known
defineConfig({ listn: ":6380" });

try {
  await using proxy = await createProxy(
    { ...config, workers: 0 },
    { relayEnded: ({ reason, up }) => [reason, up.receivedBytes] },
  );
  // @ts-expect-error: it is a number
  const wrong: string = proxy.stats().relays.running;
  if (proxy.addresses.length === 1) console.log("listening, relays running: " + wrong);
} catch (error) {
  if (error instanceof ConfigError) console.log(error.problems);
}
`;

/** Runs a command, which has to end well. @returns what it says on stdout */
async function succeed(command: readonly string[], folder: string): Promise<string> {
  const { code, out, err } = await runProgram(command, folder);
  expect({ code, said: code === 0 ? "" : out + err }).toEqual({ code: 0, said: "" });
  return out;
}
