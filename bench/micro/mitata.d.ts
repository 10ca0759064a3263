/** The part of mitata 1.0.34 that is used here; to be deleted once the package is installed. */
declare module "mitata" {
  export function bench(name: string, run: () => unknown): void;
  export function run(): Promise<unknown>;
  export function do_not_optimize(value: unknown): void;
}
