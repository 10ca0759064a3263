import { expect, test } from "bun:test";
import { flags } from "./flags.ts";
import { renderGroup, renderHelp } from "./help.ts";

test("the help has the groups of flags in this order, with the ways to write values below them", () => {
  const headings = [...renderHelp("bun run proxy", "1.2.3").matchAll(/^(\S.*):$/gm)];
  expect(headings.map(([, heading]) => heading)).toEqual([
    "Examples",
    "Commands",
    "What to relay",
    "Choosing an upstream",
    "Their health",
    "Who may come in",
    "Copies",
    "Limits",
    "What is seen of it",
    "How to run",
    "io_uring (engine uring)",
  ]);
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

test("fits a terminal of 80 columns and has every flag", () => {
  const help = renderHelp("bun run proxy", "1.2.3");
  expect(help.split("\n").filter((line) => line.length > 80)).toEqual([]);
  for (const { name } of flags) expect(help).toContain(` --${name}`);
});

test("promises nothing that this version has not", () => {
  const help = renderHelp("ringway", "1.2.3").replaceAll(/checks?(-| by )tls/gi, "");
  expect(help).not.toMatch(/udp|tls/i);
});
