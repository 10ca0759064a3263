import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolverBy } from "./by-servers.ts";
import { NameError } from "./name-error.ts";
import { UNKNOWN_TTL_MS } from "./resolver.ts";
import { systemFiles } from "./system-files.ts";
import { TestAuthority } from "./test-authority.ts";

let authority: TestAuthority;
let folder = "";
const file = (name: string) => join(folder, name);

beforeEach(async () => {
  authority = await TestAuthority.start();
  folder = await mkdtemp(join(tmpdir(), "ringway-system-"));
});
afterEach(async () => {
  authority[Symbol.dispose]();
  await rm(folder, { recursive: true });
});

/** What resolves names, with these files of the system. */
async function resolver(hosts: string, resolv: string, hostname = "machine") {
  await writeFile(file("hosts"), hosts);
  await writeFile(file("resolv.conf"), resolv);
  return resolverBy([authority.server], systemFiles(file("hosts"), file("resolv.conf"), hostname));
}

async function hosts(answer: Promise<{ addresses: readonly { host: string }[] }>) {
  return (await answer).addresses.map(({ host }) => host);
}

/** Names that were asked for, each once, in their order. */
const asked = () => [...new Set(authority.asked.map(({ name }) => name))];

describe("with servers of its own", () => {
  test("/etc/hosts goes first, as it stands now", async () => {
    authority.addresses("db.test", ["10.0.0.9"], 5);
    const resolve = await resolver(
      "127.0.0.1 localhost\n10.0.0.5\tDB.test db # the database\n::1 ip6 nobody\n10.0.0.6 db\n10.0.0.5 db\nnonsense other\n",
      "",
    );
    expect(await resolve("db.test")).toEqual({
      addresses: [{ host: "10.0.0.5", family: 4 }],
      ttlMs: UNKNOWN_TTL_MS,
    });
    expect(await hosts(resolve("db"))).toEqual(["10.0.0.5", "10.0.0.6"]);
    expect(await hosts(resolve("ip6"))).toEqual(["::1"]);
    expect(authority.asked).toHaveLength(0);
    await writeFile(file("hosts"), "10.0.0.77 db\n");
    expect(await hosts(resolve("db"))).toEqual(["10.0.0.77"]);
    expect(await hosts(resolve("db.test"))).toEqual(["10.0.0.9"]);
    await unlink(file("hosts"));
    expect(await hosts(resolve("db.test"))).toEqual(["10.0.0.9"]);
  });

  test("what is no regular file says nothing, and is not waited for", async () => {
    const resolve = await resolver("", "");
    await unlink(file("hosts"));
    expect(Bun.spawnSync(["mkfifo", file("hosts")]).success).toBe(true);
    authority.addresses("db.test", ["10.0.0.1"], 60);
    expect(await hosts(resolve("db.test"))).toEqual(["10.0.0.1"]);
  });

  test("a name is completed with the domains of resolv.conf", async () => {
    authority.addresses("db.b.test", ["10.0.0.1"], 5);
    const resolve = await resolver(
      "",
      "domain c.test\nsearch a.test b.test. ; more\nnameserver 1.1.1.1\n",
    );
    expect(await hosts(resolve("db"))).toEqual(["10.0.0.1"]);
    expect(asked()).toEqual(["db.a.test", "db.b.test"]);
  });

  test("one with enough dots is tried as it is first, one with a final dot alone", async () => {
    authority.addresses("db.ns.svc.test", ["10.0.0.1"], 5);
    authority.addresses("other.test", ["10.0.0.2"], 5);
    const few = await resolver("", "search svc.test test\n");
    expect(await hosts(few("db.ns"))).toEqual(["10.0.0.1"]);
    expect(asked()).toEqual(["db.ns", "db.ns.svc.test"]);
    authority.asked.length = 0;
    const many = await resolver("", "search svc.test test\noptions timeout:1 ndots:5\n");
    expect(await hosts(many("db.ns"))).toEqual(["10.0.0.1"]);
    expect(asked()).toEqual(["db.ns.svc.test"]);
    authority.asked.length = 0;
    expect(await hosts(many("other.test."))).toEqual(["10.0.0.2"]);
    expect(asked()).toEqual(["other.test"]);
  });

  test("the domain of this machine counts where no other one is given", async () => {
    authority.addresses("db.own.test", ["10.0.0.1"], 5);
    const resolve = await resolver("", "", "machine.own.test");
    expect(await hosts(resolve("db"))).toEqual(["10.0.0.1"]);
  });

  test("a server that knows nothing of a searched domain is no obstacle", async () => {
    for (const type of ["A", "AAAA"] as const) authority.knows("db.a.test", type, { code: 5 });
    authority.addresses("db", ["10.0.0.1"], 5);
    const resolve = await resolver("", "search a.test\n");
    expect(await hosts(resolve("db"))).toEqual(["10.0.0.1"]);
    // But what could not be said stands before that there is no such name.
    for (const type of ["A", "AAAA"] as const) authority.knows("db", type, { code: 3 });
    expect(await resolve("db").catch((error: NameError) => error.code)).toBe("refused");
  });

  test("a server that is silent is: another name would be somebody else", async () => {
    for (const type of ["A", "AAAA"] as const) {
      authority.knows("db.a.test", type, { isSilent: true });
    }
    authority.addresses("db", ["10.0.0.1"], 5);
    const resolve = await resolver("", "search a.test\n");
    const error = await resolve("db").catch((one: unknown) => one);
    expect(error).toBeInstanceOf(NameError);
    expect(asked()).toEqual(["db.a.test"]);
  });

  test("localhost and literal addresses are what they are", async () => {
    const resolve = await resolver("10.0.0.1 localhost\n", "search a.test\n");
    expect((await hosts(resolve("localhost"))).every((host) => /^(127\.|::1)/.test(host))).toBe(
      true,
    );
    expect(await hosts(resolve("10.0.0.7"))).toEqual(["10.0.0.7"]);
    expect(authority.asked).toHaveLength(0);
  });
});
