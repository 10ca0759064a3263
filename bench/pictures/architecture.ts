/*
 * The picture at the top of the README: how a client's bytes go through ringway.
 */

const WIDTH = 960;
const HEIGHT = 372;

const INK = "#1f2937";
const SOFT = "#6b7280";
const LINE = "#94a3b8";
const UP = "#2563eb";
const DOWN = "#0d9488";

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** Below the title, smaller. */
  readonly lines?: readonly string[];
  readonly fill?: string;
}

/** The picture as SVG. */
export function renderArchitecture(): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif" font-size="14">
<title>Clients connect to a listener; a relay has two flows over one bounded pool and a connection to an upstream</title>
<defs>
${[UP, DOWN, LINE].map(head).join("\n")}
</defs>
<rect width="${WIDTH}" height="${HEIGHT}" rx="12" fill="#ffffff"/>
<rect x="150" y="20" width="630" height="332" rx="12" fill="#f8fafc" stroke="${LINE}" stroke-dasharray="5 4"/>
<text x="166" y="42" fill="${SOFT}" font-weight="600">ringway</text>
${[
  box({ x: 20, y: 118, width: 100, height: 64, title: "clients" }),
  box({
    x: 180,
    y: 70,
    width: 160,
    height: 160,
    title: "listener",
    lines: ["who may connect,", "how many, how fast", "PROXY header", "route function"],
  }),
  box({ x: 390, y: 70, width: 220, height: 160, title: "relay", fill: "#eff6ff" }),
  box({
    x: 660,
    y: 70,
    width: 100,
    height: 160,
    title: "choose",
    lines: ["balance", "failover", "wait"],
  }),
  box({ x: 840, y: 62, width: 100, height: 40, title: "upstream" }),
  box({ x: 840, y: 130, width: 100, height: 40, title: "upstream" }),
  box({ x: 840, y: 198, width: 100, height: 40, title: "backup" }),
].join("\n")}
${flow(410, 118, "up", UP)}
${flow(410, 162, "down", DOWN)}
<text x="500" y="216" text-anchor="middle" fill="${SOFT}" font-size="12">one pool of memory, bounded</text>
${arrow(122, 140, 176, 140, UP)}
${arrow(176, 160, 122, 160, DOWN)}
${arrow(342, 130, 386, 130, UP)}
${arrow(386, 170, 342, 170, DOWN)}
${arrow(612, 130, 656, 130, UP)}
${arrow(656, 170, 612, 170, DOWN)}
${arrow(762, 132, 836, 84, UP)}
${arrow(762, 150, 836, 150, UP)}
${arrow(762, 168, 836, 216, LINE)}
${[
  ["health", "checks"],
  ["names", "and services"],
  ["reload", "0 relays cut"],
  ["admin", "page and API"],
  ["metrics", "and access log"],
]
  .map(([title = "", text = ""], at) =>
    box({
      x: 180 + at * 118,
      y: 272,
      width: 106,
      height: 58,
      title,
      lines: [text],
      fill: "#f0fdfa",
    }),
  )
  .join("\n")}
</svg>
`;
}

function box({ x, y, width, height, title, lines = [], fill = "#ffffff" }: Box): string {
  const middle = x + width / 2;
  const isTitleAlone = lines.length === 0 && height < 100;
  const top = isTitleAlone ? y + height / 2 + 5 : y + 24;
  return [
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8" fill="${fill}" stroke="${LINE}"/>`,
    `<text x="${middle}" y="${top}" text-anchor="middle" fill="${INK}" font-weight="600">${title}</text>`,
    ...lines.map(
      (line, at) =>
        `<text x="${middle}" y="${top + 24 + at * 22}" text-anchor="middle" fill="${SOFT}" font-size="12">${line}</text>`,
    ),
  ].join("\n");
}

/** One direction: segments that wait in a queue. */
function flow(x: number, y: number, name: string, colour: string): string {
  const isUp = colour === UP;
  const segments = Array.from(
    { length: 5 },
    (_, at) =>
      `<rect x="${x + 72 + at * 20}" y="${y - 8}" width="16" height="16" rx="3" fill="${colour}" opacity="${(isUp ? at + 1 : 5 - at) / 6}"/>`,
  );
  const line = isUp ? arrow(x + 174, y, x + 192, y, colour) : arrow(x + 66, y, x + 46, y, colour);
  return [
    `<text x="${x}" y="${y + 4}" fill="${colour}" font-size="12" font-weight="600">${name}</text>`,
    ...segments,
    line,
  ].join("\n");
}

function arrow(x1: number, y1: number, x2: number, y2: number, colour: string): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}" stroke-width="2" marker-end="url(#head-${colour.slice(1)})"/>`;
}

function head(colour: string): string {
  return `<marker id="head-${colour.slice(1)}" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" fill="${colour}"/></marker>`;
}
