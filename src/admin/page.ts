import charts from "#page/charts.ts" with { type: "text" };
import client from "#page/client.ts" with { type: "text" };
import controls from "#page/controls.ts" with { type: "text" };
import dialogs from "#page/dialogs.ts" with { type: "text" };
import dom from "#page/dom.ts" with { type: "text" };
import facts from "#page/facts.ts" with { type: "text" };
import format from "#page/format.ts" with { type: "text" };
import icon from "#page/icon.svg" with { type: "text" };
import html from "#page/index.html" with { type: "text" };
import listeners from "#page/listeners.ts" with { type: "text" };
import main from "#page/main.ts" with { type: "text" };
import narrow from "#page/narrow.css" with { type: "text" };
import poll from "#page/poll.ts" with { type: "text" };
import rates from "#page/rates.ts" with { type: "text" };
import relays from "#page/relays.ts" with { type: "text" };
import css from "#page/style.css" with { type: "text" };
import uplotCss from "#page/uplot.css" with { type: "text" };
import uplot from "#page/uplot.js" with { type: "text" };
import upstreams from "#page/upstreams.ts" with { type: "text" };
import valkey from "#page/valkey.ts" with { type: "text" };
import { type Route, refuseMethod, respond } from "./answer.ts";

/*
 * The program contains the page as texts, whether it runs from a folder, a package or the
 * executable. Browsers load its modules one by one, so nothing has to be built; TypeScript's types
 * are removed at the first request.
 */

const modules = {
  charts,
  client,
  controls,
  dialogs,
  dom,
  facts,
  format,
  listeners,
  main,
  poll,
  rates,
  relays,
  upstreams,
  valkey,
};

interface Asset {
  readonly type: string;
  readonly text: string;
}

const SCRIPT = "text/javascript; charset=utf-8";
const STYLE = "text/css; charset=utf-8";

const assets = new Map<string, Asset>([
  ["/", { type: "text/html; charset=utf-8", text: html }],
  ["/page/icon.svg", { type: "image/svg+xml", text: icon }],
  ["/page/style.css", { type: STYLE, text: css }],
  ["/page/narrow.css", { type: STYLE, text: narrow }],
  ["/page/uplot.css", { type: STYLE, text: uplotCss }],
  ["/page/uplot.js", { type: SCRIPT, text: uplot }],
]);

const modulePaths = new Map(
  Object.entries(modules).map(([name, text]) => [`/page/${name}.ts`, text]),
);

/** Whether a path belongs to the page, which holds no figures and needs no token. */
export function isOfPage(path: string): boolean {
  return assets.has(path) || modulePaths.has(path);
}

/** The page and all its parts. */
export function pageRoute(): Route {
  return async ({ path, method }) => {
    const asset = assetAt(path);
    if (asset === undefined) return null;
    if (method !== "GET" && method !== "HEAD") return refuseMethod(["GET"]);
    return respond(200, asset.text, asset.type);
  };
}

function assetAt(path: string): Asset | undefined {
  const text = modulePaths.get(path);
  if (text !== undefined && !assets.has(path)) {
    assets.set(path, { type: SCRIPT, text: withoutTypes(text) });
  }
  return assets.get(path);
}

function withoutTypes(text: string): string {
  return new Bun.Transpiler({ loader: "ts", target: "browser" }).transformSync(text);
}
