import { expect, test } from "bun:test";
import { flags } from "./flags.ts";
import { helpTopics, renderGroup, renderHelp, renderTopic } from "./help.ts";

const all = renderTopic("all", "bun run proxy", "1.2.3") ?? "";

test("the whole help has the groups of flags in this order, with the ways to write values below them", () => {
  const headings = [...all.matchAll(/^(\S.*):$/gm)];
  expect(headings.map(([, heading]) => heading)).toEqual([
    "Examples",
    "Commands",
    "What to relay",
    "Choosing an upstream",
    "Health checks",
    "Who may connect",
    "TLS of clients",
    "TLS to upstreams",
    "Mirror",
    "Mode valkey",
    "Limits",
    "Logs, metrics and admin",
    "How to run",
    "io_uring (engine uring)",
    "Signals",
    "Exit codes",
  ]);
});

test("the help fits a screen, and its flags are there", () => {
  const lines = renderHelp("bun run proxy", "1.2.3").trimEnd().split("\n");
  expect(lines.length).toBeLessThanOrEqual(45);
  const shown = lines.flatMap((line) => /^ {2}(?:-\w,| {3}) --([\w-]+)/.exec(line)?.[1] ?? []);
  expect(shown).toHaveLength(20);
  const known = flags.map(({ name }) => name);
  for (const name of shown) expect(known).toContain(name);
});

test.each([...helpTopics])("the topic %s is explained in 80 columns", (topic) => {
  const text = renderTopic(topic, "bun run proxy", "1.2.3") ?? "";
  expect(text.split("\n").length).toBeGreaterThan(3);
  expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

test("what is no topic is not explained", () => {
  expect(renderTopic("constructor", "ringway", "1.2.3")).toBeNull();
  expect(renderTopic("dns", "ringway", "1.2.3")).toBeNull();
});

test("the flags of a group, with what they have unless given", () => {
  const text = "end a relay after this much time without traffic in either direction";
  const group = [
    { name: "idle-timeout", hint: "TIME", text, initial: "off" },
    { name: "upstream", short: "u", hint: "ADDR", text: "relay them", initial: "a demo built in" },
    { name: "verbose", short: "v", text: "log every relay" },
  ];
  expect(renderGroup({ heading: "Limits", flags: group })).toBe(
    [
      "Limits:",
      "      --idle-timeout TIME        end a relay after this much time without",
      "                                 traffic in either direction [off]",
      "  -u, --upstream ADDR            relay them [a demo built in]",
      "  -v, --verbose                  log every relay",
    ].join("\n"),
  );
});

test("fits a terminal of 80 columns, and the whole help has every flag", () => {
  for (const program of ["bun run proxy", "npm run proxy --"]) {
    const help = renderHelp(program, "1.2.3");
    expect(help.split("\n").filter((line) => line.length > 80)).toEqual([]);
  }
  for (const { name } of flags) expect(all).toContain(` --${name}`);
});

test("promises nothing that this version has not", () => {
  const help = `${renderHelp("ringway", "1.2.3")}${all}`;
  expect(help).not.toMatch(/udp/i);
});
