import { type FSWatcher, lstatSync, readlinkSync, watch } from "node:fs";
import { dirname, parse, resolve, sep } from "node:path";

/** As many links as Linux follows. */
const LINKS_MAX = 40;

/**
 * Watches what a path leads to: the file, and every folder and link on the way there, as editors and
 * deployments put others in their place. Folders are watched, not what is in them: that may be replaced.
 */
export class PathWatcher {
  /** By the folder. */
  private watchers = new Map<string, FSWatcher>();
  private places: ReadonlyMap<string, ReadonlySet<string>> = new Map();

  /** @param changed called whenever the path may lead to something else now, perhaps several times */
  constructor(
    private readonly path: string,
    private readonly changed: () => void,
  ) {
    this.follow();
  }

  close(): void {
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  /** Watches the folders that are on the way now, anew where they may be others by the same name. */
  private follow(): void {
    this.close();
    this.places = placesOf(this.path);
    for (const folder of this.places.keys()) {
      try {
        const watcher = watch(folder, (_, name) => this.happened(folder, name));
        // It is gone: the folder that it was in says so.
        watcher.on("error", () => {});
        this.watchers.set(folder, watcher);
      } catch {
        // It may be passed through and not looked into, or it is not there yet.
      }
    }
  }

  private happened(folder: string, name: string | null): void {
    if (name !== null && !this.places.get(folder)?.has(name)) return;
    this.follow();
    this.changed();
  }
}

/** The names that lead to a path, by the folders they are in, as far as these are there. */
function placesOf(path: string): Map<string, Set<string>> {
  const places = new Map<string, Set<string>>();
  let folder = parse(resolve(path)).root;
  const names = partsOf(resolve(path));
  let links = 0;
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    const known = places.get(folder) ?? new Set<string>();
    places.set(folder, known.add(name));
    const place = resolve(folder, name);
    const target = linkAt(place);
    if (target === null) folder = place;
    else if (++links > LINKS_MAX) break;
    else {
      const absolute = resolve(dirname(place), target);
      folder = parse(absolute).root;
      names.unshift(...partsOf(absolute));
    }
  }
  return places;
}

function partsOf(path: string): string[] {
  return path
    .slice(parse(path).root.length)
    .split(sep)
    .filter((part) => part !== "");
}

/** Where a link leads to; null when there is none. */
function linkAt(path: string): string | null {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : null;
  } catch {
    return null;
  }
}
