/** The part of cli-progress 3.12.0 that is used here; the package brings no types. */
declare module "cli-progress" {
  export interface Preset {
    readonly barCompleteChar: string;
    readonly barIncompleteChar: string;
  }
  export const Presets: { readonly shades_classic: Preset };
  export class SingleBar {
    constructor(
      options: { readonly format: string; readonly hideCursor: boolean; readonly barsize: number },
      preset: Preset,
    );
    start(total: number, value: number, payload: Readonly<Record<string, string>>): void;
    update(value: number, payload: Readonly<Record<string, string>>): void;
    stop(): void;
  }
}
