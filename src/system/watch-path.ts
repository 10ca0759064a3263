import { type FSWatcher, lstatSync, readlinkSync, watch } from "node:fs";
import { dirname, parse, resolve, sep } from "node:path";

/** The most links to follow, like Linux. */
const LINKS_MAX = 40;

/**
 * Watches what paths lead to: the files, and every folder and link on the way, because editors and
 * deployments replace them. It watches folders, not the files in them, which may be replaced. Where
 * the system refuses to watch, for example as no watches are left, it notices nothing.
 */
export class PathWatcher {
  /** The watchers by folder. */
  private watchers = new Map<string, FSWatcher>();
  private places: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  private isOver = false;
  /** It will follow the paths anew in this pass of the loop. */
  private isFollowing = false;

  /** @param changed called, perhaps several times, whenever a path may lead to something else */
  constructor(
    private readonly paths: readonly string[],
    private readonly changed: () => void,
  ) {
    this.follow();
  }

  close(): void {
    this.isOver = true;
    this.drop();
  }

  private drop(): void {
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  /**
   * Watches the folders on the way, again if one may have been replaced by another of the same
   * name.
   */
  private follow(): void {
    this.drop();
    this.places = placesOf(this.paths);
    for (const folder of this.places.keys()) {
      try {
        const watcher = watch(folder, (_, name) => this.happened(folder, name));
        // The folder is gone; the watcher of its parent reports that.
        watcher.on("error", () => {});
        this.watchers.set(folder, watcher);
      } catch {
        // ringway may not read it, or it does not exist yet.
      }
    }
  }

  private happened(folder: string, name: string | null): void {
    if (this.isOver || (name !== null && !this.places.get(folder)?.has(name))) return;
    this.changed();
    if (this.isFollowing) return;
    // Once for all that is reported together: a deployment replaces many files.
    this.isFollowing = true;
    setImmediate(() => {
      this.isFollowing = false;
      if (!this.isOver) this.follow();
    });
  }
}

/** The names on the way to paths, by their folders, as far as these exist. */
function placesOf(paths: readonly string[]): Map<string, Set<string>> {
  const places = new Map<string, Set<string>>();
  for (const path of paths) addPlaces(path, places);
  return places;
}

function addPlaces(path: string, places: Map<string, Set<string>>): void {
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
}

function partsOf(path: string): string[] {
  return path
    .slice(parse(path).root.length)
    .split(sep)
    .filter((part) => part !== "");
}

/** The target of a link; null if there is no link. */
function linkAt(path: string): string | null {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : null;
  } catch {
    return null;
  }
}
