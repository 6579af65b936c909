/** The parts of gifenc 1.0 that are used; it comes without types. */
declare module "gifenc" {
  /** Red, green, blue, 0 to 255. */
  export type Palette = number[][];

  export interface FrameOptions {
    readonly palette?: Palette;
    /** Milliseconds for which the frame is shown. */
    readonly delay?: number;
    readonly transparent?: boolean;
    readonly transparentIndex?: number;
    /** 1: the next frame is drawn over this one. */
    readonly dispose?: number;
  }

  export interface Encoder {
    writeFrame(index: Uint8Array, width: number, height: number, options: FrameOptions): void;
    finish(): void;
    bytes(): Uint8Array;
  }

  export function GIFEncoder(): Encoder;
  export function quantize(rgba: Uint8Array | Uint8ClampedArray, colorsMax: number): Palette;
  export function applyPalette(rgba: Uint8Array | Uint8ClampedArray, palette: Palette): Uint8Array;
}
