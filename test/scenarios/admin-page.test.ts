import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { HistoryDocument } from "../../src/admin/past.ts";
import { CliProcess } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// The admin page in a real browser. RINGWAY_SCREENSHOTS=DIR keeps pictures of it.

setDefaultTimeout(60_000);

const CHROMIUM = Bun.which("chromium");
const SCREENSHOTS = Bun.env.RINGWAY_SCREENSHOTS;
const TOKEN = "a-token-of-more-than-16";

if (CHROMIUM === null) {
  test.skip("the admin page: needs chromium in the PATH (Debian: apt-get install chromium)", () => {});
} else {
  describe("the admin page", () => tests(CHROMIUM));
}

function tests(executablePath: string): void {
  let browser: Browser;
  let upstream: Upstream;
  let target = "";
  let folder = "";
  let config = "";
  let proxy: CliProcess;
  let port = 0;
  let base = "";
  /** Everything that went wrong in a page, and what it asked of others. */
  const complaints: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ringway-page-"));
    if (SCREENSHOTS !== undefined) await mkdir(SCREENSHOTS, { recursive: true });
    upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, echo);
    if (upstream.address.kind !== "tcp") throw new Error("it has a port");
    target = `127.0.0.1:${upstream.address.port}`;
    config = join(folder, "ringway.toml");
    await writeConfig("5s");
    // Without a sandbox, as tests may run as root, and in containers.
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    [proxy, port, base] = await start("-c", config);
  });

  afterAll(async () => {
    await browser?.close();
    await proxy?.[Symbol.asyncDispose]();
    upstream?.close();
    await rm(folder, { recursive: true });
  });

  afterEach(() => {
    expect(complaints.splice(0)).toEqual([]);
  });

  async function writeConfig(connectTimeout: string): Promise<void> {
    const text = `[[listeners]]\nname = "main"\nlisten = "127.0.0.1:0"\nupstreams = "${target}"\n`;
    const spare = `[[listeners]]\nname = "spare"\nlisten = "127.0.0.1:0"\nmode = "sink"\n`;
    await writeFile(config, `${text}connectTimeout = "${connectTimeout}"\n${spare}`);
  }

  async function start(...flags: string[]): Promise<[CliProcess, number, string]> {
    const started = new CliProcess([...flags, "--admin", "127.0.0.1:0", "--stats", "none"]);
    const acceptsOn = await started.port();
    const [, url = ""] = await started.logged(/admin page, API and metrics on (\S+)/);
    return [started, acceptsOn, url];
  }

  /** Opens the page, and notes whatever goes wrong in it. */
  async function open(
    options: BrowserContextOptions = {},
    url = base,
    samples: unknown = null,
  ): Promise<Page> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      ...options,
    });
    const page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
    page.on("console", (message) => {
      // The browser itself notes answers that are no success.
      const isOurs = !/Failed to load resource/.test(message.text());
      if (message.type() === "error" && isOurs) complaints.push(`console: ${message.text()}`);
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(`${url}/`)) complaints.push(`foreign: ${request.url()}`);
    });
    if (samples !== null) {
      await page.route("**/api/history", (route) => route.fulfill({ json: { samples } }));
    }
    await page.goto(`${url}/`);
    return page;
  }

  async function connect(): Promise<End> {
    const end = await End.connect({ kind: "tcp", host: "127.0.0.1", port });
    end.offer({ seed: 1, total: 1_000 });
    await waitFor(() => end.receivedBytes === 1_000, "an echo");
    return end;
  }

  async function picture(page: Page, name: string, fullPage = true): Promise<void> {
    if (SCREENSHOTS === undefined) return;
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage });
  }

  /** The page is no wider than the screen. */
  async function fits(page: Page): Promise<boolean> {
    return await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth");
  }

  /** No table is wider than its card, at any width of a window. */
  async function tablesFit(page: Page): Promise<void> {
    const wide = `Array.from(document.querySelectorAll(".scroll"))
      .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
      .map((one) => one.closest("section").innerText.split("\\n")[0])`;
    for (const width of [360, 480, 640, 641, 700, 768, 900, 1100, 1101, 1200, 1280, 1600]) {
      await page.setViewportSize({ width, height: 900 });
      expect([width, await page.evaluate(wide), await fits(page)]).toEqual([width, [], true]);
    }
  }

  test("shows state, listeners and charts, from this program alone", async () => {
    const ends = await Promise.all(Array.from({ length: 12 }, connect));
    const page = await open({ colorScheme: "light" });
    await page.locator('#status[data-status="ready"]').waitFor();
    await page.locator("#about", { hasText: /engine (uring|sockets)/ }).waitFor();
    expect(await page.locator("#listeners tr").count()).toBe(2);
    expect(await page.locator("#listeners").textContent()).toContain(target);
    expect(await page.locator(".chart canvas").count()).toBe(6);
    // Something to draw.
    for (let round = 0; round < (SCREENSHOTS === undefined ? 8 : 25); round++) {
      for (const end of ends) end.offer({ seed: 1, total: 2_000 * (round % 7) });
      const extra = await connect();
      extra.finish();
      await Bun.sleep(200);
    }
    await page
      .locator(".chart", { hasText: "Bytes per second" })
      .getByText(/^up.*KiB/)
      .waitFor();
    await page
      .locator(".chart", { hasText: "Time until its first byte" })
      .getByText(/^p99: [\d.]+ ms/)
      .waitFor();
    expect(await page.locator("#ends").textContent()).toContain("client_fin");
    expect(await fits(page)).toBe(true);
    await picture(page, "light");
    await page.context().close();

    const dark = await open({ colorScheme: "dark" });
    await dark.locator("#relay-rows tr").nth(11).waitFor();
    if (SCREENSHOTS !== undefined) await Bun.sleep(3_000);
    await picture(dark, "dark");
    // The other way round without loading it anew: the charts get other colours.
    await dark.emulateMedia({ colorScheme: "light" });
    expect(await dark.locator(".chart canvas").count()).toBe(6);
    await dark.context().close();
    for (const end of ends) end.finish();
  });

  test("shows what is asked for, if a listener has the mode for it", async () => {
    const plain = await open();
    await plain.locator('#status[data-status="ready"]').waitFor();
    expect(await plain.locator("#valkey").isVisible()).toBe(false);
    await plain.context().close();
    // Without an upstream there is a Redis-compatible server inside.
    const [server, serverPort] = await start("-l", "127.0.0.1:0");
    await using _ = server;
    const cache = join(folder, "cache.toml");
    const listener = `[[listeners]]\nname = "cache"\nlisten = "127.0.0.1:0"\nmode = "valkey"\n`;
    await writeFile(cache, `${listener}upstreams = "127.0.0.1:${serverPort}"\n`);
    const [other, otherPort, url] = await start("-c", cache);
    await using __ = other;
    const client = await End.connect({ kind: "tcp", host: "127.0.0.1", port: otherPort });
    client.send("SET a 1\r\nGET a\r\nGET b\r\nINCR a b\r\n");
    const page = await open({}, url);
    const row = page.locator("#valkey-rows tr", { hasText: "GET" });
    await row.waitFor();
    expect(await row.locator("td").nth(2).textContent()).toBe("2");
    await page.locator("#valkey-rows tr", { hasText: "INCR" }).getByText("1").first().waitFor();
    expect(await page.locator("#valkey-facts").textContent()).toContain("Connections shared1");
    expect(await page.locator("#valkey-slow tr").count()).toBeGreaterThan(0);
    await picture(page, "valkey");
    await tablesFit(page);
    await page.context().close();
    client.finish();
  });

  test("is readable on a phone's width", async () => {
    const ends = await Promise.all([connect(), connect(), connect()]);
    const page = await open({ viewport: { width: 360, height: 740 }, colorScheme: "dark" });
    await page.locator("#relay-rows tr").nth(2).waitFor();
    if (SCREENSHOTS !== undefined) await Bun.sleep(2_000);
    expect(await fits(page)).toBe(true);
    await picture(page, "phone");
    await page.locator("#relay-rows button.link").first().click();
    await page.locator("#story-facts dd").first().waitFor();
    expect(await fits(page)).toBe(true);
    await picture(page, "phone-story", false);
    await page.context().close();
    for (const end of ends) end.finish();
  });

  test("searches and sorts relays, tells one's story, and cuts it when that is confirmed", async () => {
    const [one, two] = [await connect(), await connect()];
    two.offer({ seed: 1, total: 500_000 });
    const page = await open();
    const rows = page.locator("#relay-rows tr");
    await rows.nth(1).waitFor();
    await page.getByLabel("Sort by").selectOption("bytes");
    await page.locator("#relay-rows tr:first-child", { hasText: "KiB" }).waitFor();
    await page.getByLabel("Client or upstream contains").fill("nothing has this");
    await page.getByText("No client or upstream contains this.").waitFor();
    await page.getByLabel("Client or upstream contains").fill(target);
    await rows.nth(1).waitFor();

    await page.locator("#relay-rows tr:first-child button.link").click();
    const story = page.locator("#story");
    await story.getByText("Up: received").waitFor();
    expect(await story.textContent()).toContain(target);
    await picture(page, "story", false);
    await story.getByRole("button", { name: "Cut it" }).click();
    const question = page.locator("#question");
    await question.getByRole("button", { name: "Cancel" }).click();
    expect(two.closed).toBe(false);
    await story.getByRole("button", { name: "Cut it" }).click();
    await question.getByRole("button", { name: "Cut it" }).click();
    await waitFor(() => two.closed, "the client is cut");
    await story.getByText("has ended").waitFor();
    await story.getByRole("button", { name: "Close" }).click();
    expect(one.closed).toBe(false);
    await page.locator("#ends", { hasText: "admin" }).waitFor();
    one.finish();
    await page.context().close();
  });

  test("says what a reload would change, and does it when that is confirmed", async () => {
    const page = await open();
    const question = page.locator("#question");
    await page.getByRole("button", { name: "Reload" }).click();
    await question.getByText("Nothing changes").waitFor();
    await question.getByRole("button", { name: "Close" }).click();
    await writeConfig("7s");
    await page.getByRole("button", { name: "Reload" }).click();
    await question.getByText("1 listener changed, 0 relays cut").waitFor();
    await picture(page, "reload", false);
    await question.getByRole("button", { name: "Reload", exact: true }).click();
    await question.getByText("Reloaded").waitFor();
    await question.getByRole("button", { name: "Close" }).click();
    await page.locator("#listeners", { hasText: "7 s" }).waitFor();
    await writeFile(config, "mode = 1\n");
    await page.getByRole("button", { name: "Reload" }).click();
    await question.getByText("expected bidirectional, oneway, sink or valkey").waitFor();
    await question.getByRole("button", { name: "Close" }).click();
    await writeConfig("7s");
    await page.context().close();
  });

  test("shows at once what was before it was opened, as the proxy has kept it", async () => {
    const kept = async () =>
      ((await (await fetch(`${base}/api/history`)).json()) as HistoryDocument).samples;
    await waitFor(async () => (await kept()).length > 0, "a moment is kept");
    const [known] = await kept();
    const now = Date.now() / 1_000;
    const samples = Array.from({ length: 700 }, (_, place) => {
      return { ...known, at: now - 5 * (700 - place), running: 77 };
    });
    const page = await open({ colorScheme: "light" }, base, samples);
    await page.locator('#status[data-status="ready"]').waitFor();
    const plot = page.locator(".chart .u-over").first();
    await plot.hover({ position: { x: 40, y: 40 } });
    await page.locator(".chart").first().getByText("running: 77").waitFor();
    await picture(page, "history", false);
    await page.context().close();
  });

  test("shows upstreams with their health, and takes them out when that is confirmed", async () => {
    const path = join(folder, "upstreams.toml");
    const upstreams = `upstreams = ["${target}", "127.0.0.1:1", "unix:/run/a-long-folder/${"of-many/".repeat(8)}redis.sock"]`;
    const check = `check = "tcp"\ncheckInterval = "100ms"\ncheckFall = 1`;
    const text = `[[listeners]]\nname = "main"\nlisten = "127.0.0.1:0"\n${upstreams}\n${check}\n`;
    const spare = `[[listeners]]\nname = "spare"\nlisten = "127.0.0.1:0"\n`;
    await writeFile(
      path,
      `${text}${spare}upstreams = [{ address = "${target}", maxRelays = 1000000 }]\n`,
    );
    const [balanced, , url] = await start("-c", path);
    const page = await open({ colorScheme: "light" }, url);
    const row = (place: number) => page.locator(`#upstream-rows tr[data-key^="${place} "]`);
    await row(1).getByText("down for").waitFor();
    await row(2)
      .getByText(/down for .*ENOENT/)
      .waitFor();
    await row(0)
      .getByText(/up for .*: connected \([\d.]+\sms\)/)
      .waitFor();
    await row(3)
      .getByText(/^unchecked for /)
      .waitFor();
    const listed = `Array.from(document.querySelectorAll("#upstream-rows tr"), (one) => one.dataset.key[0])`;
    expect(await page.evaluate<string[]>(listed)).toEqual(["1", "2", "0", "3"]);
    await page.locator("#status").getByText("ready, 2 of 4 upstreams down").waitFor();
    const question = page.locator("#question");
    await row(3).getByRole("button", { name: "Drain" }).click();
    await question.getByText("Its relays continue.").waitFor();
    await picture(page, "upstream-drain", false);
    await question.getByRole("button", { name: "Cancel" }).click();
    expect(await row(3).textContent()).toContain("ready");
    await row(3).getByRole("button", { name: "Maintenance" }).click();
    await question.getByRole("button", { name: "Maintenance" }).click();
    await row(3).getByText("maintenance", { exact: true }).waitFor();
    expect(await row(3).getByRole("button", { name: "Maintenance" }).isDisabled()).toBe(true);
    const status = page.locator("#status");
    await status.getByText("ready, but no upstream of spare takes relays").waitFor();
    await row(0).getByRole("button", { name: "Drain" }).click();
    await question.getByRole("button", { name: "Drain" }).click();
    await row(0).getByText("drain", { exact: true }).waitFor();
    await status.getByText("ready, but no upstream of 2 listeners takes relays").waitFor();
    await balanced.logged(new RegExp(`main: upstream ${target} set to drain`));
    const drained = await fetch(`${url}/api/listeners/spare/drain`, {
      method: "POST",
      headers: { "x-ringway": "1" },
    });
    expect(drained.status).toBe(202);
    await page.locator("#listeners tr", { hasText: "spare" }).getByText("drained").waitFor();
    await tablesFit(page);
    await page.setViewportSize({ width: 1200, height: 900 });
    await picture(page, "upstreams-1200-light");
    await page.setViewportSize({ width: 768, height: 900 });
    await picture(page, "upstreams-768-light");
    await page.setViewportSize({ width: 1280, height: 900 });
    await picture(page, "upstreams-light");
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await fits(page)).toBe(true);
    await page.locator("#upstreams-heading").scrollIntoViewIfNeeded();
    await row(2).scrollIntoViewIfNeeded();
    await picture(page, "upstreams-phone-light", false);
    await page.emulateMedia({ colorScheme: "dark" });
    await picture(page, "upstreams-phone-dark", false);
    await page.setViewportSize({ width: 1280, height: 900 });
    await picture(page, "upstreams-dark");
    await row(3).getByRole("button", { name: "Ready" }).click();
    await question.getByRole("button", { name: "Ready" }).click();
    await row(3).getByText("ready", { exact: true }).waitFor();
    // What is gone meanwhile is told.
    await writeFile(path, `${text}${spare}mode = "sink"\n`);
    await row(3).getByRole("button", { name: "Drain" }).click();
    await fetch(`${url}/api/reload`, { method: "POST", headers: { "x-ringway": "1" } });
    await question.getByRole("button", { name: "Drain" }).click();
    await question.getByText("there is no upstream 3").waitFor();
    await question.getByRole("button", { name: "Close" }).click();
    await page.context().close();
    await balanced.stop();
  });

  test("can be used with the keyboard alone", async () => {
    const page = await open();
    await page.locator("#listeners tr").first().waitFor();
    const focused: string[] = [];
    await page.locator("#upstream-rows tr").first().waitFor();
    for (let presses = 0; presses < 7; presses++) {
      await page.keyboard.press("Tab");
      focused.push(
        await page.evaluate(
          "document.activeElement.id || document.activeElement.ariaLabel || document.activeElement.className",
        ),
      );
    }
    // Ready is what it is already.
    const changes = [`Drain ${target}`, `Maintenance ${target}`];
    expect(focused).toEqual(["skip", "reload", "drain", ...changes, "filter", "sort"]);
    await page.locator("#drain").focus();
    await page.keyboard.press("Enter");
    await page.locator("#question").waitFor();
    // What harms has not the focus, and Escape is no.
    expect(await page.evaluate<string>("document.activeElement.id")).toBe("question-no");
    await page.keyboard.press("Escape");
    await page.locator("#question").waitFor({ state: "hidden" });
    expect(await page.evaluate<string>("document.activeElement.id")).toBe("drain");
    await page.context().close();
  });

  test("a page of another origin gets nothing and changes nothing", async () => {
    const end = await connect();
    const hostile = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => new Response("<!doctype html>", { headers: { "content-type": "text/html" } }),
    });
    const page = await (await browser.newContext()).newPage();
    await page.goto(`http://localhost:${hostile.port}/`);
    const script = `(async () => {
      const tries = [
        ["GET", "/api/state", {}],
        ["POST", "/api/drain", {}],
        ["POST", "/api/drain", { "content-type": "application/json" }],
        ["POST", "/api/drain", { "x-ringway": "1" }],
        ["DELETE", "/api/relays/1", { "x-ringway": "1" }],
      ];
      const results = [];
      for (const [method, path, headers] of tries) {
        results.push(await fetch("${base}" + path, { method, headers }).then(
          (response) => response.text(), () => "refused"));
        await fetch("${base}" + path, { method, mode: "no-cors" }).catch(() => {});
      }
      const frame = document.createElement("iframe");
      frame.src = "${base}/";
      document.body.append(frame);
      await new Promise((resolve) => { frame.onload = resolve; setTimeout(resolve, 2000); });
      return results;
    })()`;
    expect(await page.evaluate<string[]>(script)).toEqual(
      Array.from({ length: 5 }, () => "refused"),
    );
    const form = `const form = document.createElement("form"); form.method = "post";
      form.action = "${base}/api/drain"; document.body.append(form); form.submit();`;
    await page.evaluate(form);
    await page.waitForURL(`${base}/**`);
    await page.context().close();
    await hostile.stop(true);
    const state = await fetch(`${base}/api/state`);
    expect(await state.json()).toMatchObject({ status: "ready" });
    expect(end.closed).toBe(false);
    end.finish();
  });

  test("shows what others have written as text", async () => {
    const evil = "/<img src=x onerror=alert(1)><b>";
    const flags = ["-l", "127.0.0.1:0", "-u", `unix:${evil}`];
    const [strange, , url] = await start(...flags);
    const page = await open({}, url);
    await page.locator("#listeners", { hasText: evil }).waitFor();
    await page.locator("#upstream-rows", { hasText: evil }).waitFor();
    await page.getByLabel("Client or upstream contains").fill(evil);
    expect(await page.locator("main img, main b").count()).toBe(0);
    await page.context().close();
    await strange.stop();
  });

  test("asks nothing while nobody looks", async () => {
    const page = await open();
    await page.locator("#listeners tr").first().waitFor();
    const hide = (isHidden: boolean) =>
      page.evaluate(`Object.defineProperty(document, "hidden", {
        configurable: true, get: () => ${isHidden} });
        document.dispatchEvent(new Event("visibilitychange"));`);
    await hide(true);
    // One may be on its way.
    await Bun.sleep(500);
    let asked = 0;
    page.on("request", () => asked++);
    await Bun.sleep(2_500);
    expect(asked).toBe(0);
    await hide(false);
    await page.waitForRequest(`${base}/api/state`);
    await page.context().close();
  });

  test("asks for the token, once", async () => {
    const [guarded, , url] = await start("-l", "127.0.0.1:0", "-m", "sink", "--admin-token", TOKEN);
    const page = await open({}, url);
    const login = page.locator("#login");
    await login.getByLabel("Token").fill("not-the-right-token");
    await login.getByRole("button", { name: "Continue" }).click();
    await login.getByText("That token is wrong.").waitFor();
    await picture(page, "login", false);
    await login.getByLabel("Token").fill(TOKEN);
    await login.getByRole("button", { name: "Continue" }).click();
    await page.locator("#listeners tr").first().waitFor();
    await page.reload();
    await page.locator("#listeners tr").first().waitFor();
    expect(await login.isVisible()).toBe(false);
    await page.context().close();
    await guarded.stop();
  });

  test("shows everything to those who only look, and lets them do nothing", async () => {
    const read = "another-token-of-16";
    const flags = ["-l", "127.0.0.1:0", "-u", target, "--admin-token", TOKEN];
    const [guarded, at, url] = await start(...flags, "--admin-read-token", read);
    const end = await End.connect({ kind: "tcp", host: "127.0.0.1", port: at });
    end.offer({ seed: 1, total: 1_000 });
    const page = await open({}, url);
    const login = page.locator("#login");
    await login.getByLabel("Token").fill(read);
    await login.getByRole("button", { name: "Continue" }).click();
    await page.getByText("read-only", { exact: true }).waitFor();
    await page.locator("#relay-rows tr .act button").waitFor();
    const changing = "#reload, #drain, #upstream-rows button, #relay-rows .act button, #story-cut";
    for (const button of await page.locator(changing).all()) {
      expect(await button.isDisabled()).toBe(true);
    }
    expect(await page.locator(changing).count()).toBeGreaterThanOrEqual(7);
    await picture(page, "read-only");
    await page.locator("#relay-rows tr .link").click();
    await page.locator("#story[open]").waitFor();
    await page.context().close();
    end.reset();
    await guarded.stop();
  });

  test("says so when the proxy drains, and when it does not answer any more", async () => {
    const end = await connect();
    const page = await open();
    await page.locator("#relay-rows tr button").first().waitFor();
    await page.getByRole("button", { name: "Drain" }).first().click();
    await page.locator("#question").getByRole("button", { name: "Drain and stop" }).click();
    await page.locator('#status[data-status="draining"]').waitFor();
    end.finish();
    await page.getByText("The proxy does not answer.").waitFor();
    await page.locator('#status[data-status="no answer"]').waitFor();
    await page.locator("#question").getByRole("button", { name: "Close" }).click();
    await picture(page, "gone", false);
    expect((await proxy.finished()).code).toBe(0);
    await page.context().close();
  });
}
