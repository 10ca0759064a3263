/** The part of echarts 6.1.0 that is used here; to be deleted once the package is installed. */
declare module "echarts" {
  export interface ServerChart {
    setOption(option: object): void;
    renderToSVGString(): string;
    dispose(): void;
  }
  export function init(
    dom: null,
    theme: null,
    options: {
      readonly renderer: "svg";
      readonly ssr: true;
      readonly width: number;
      readonly height: number;
    },
  ): ServerChart;
}
