/**
 * Screenshots as an animated GIF: one palette for all frames, and of each frame only what has changed since the one
 * before, so that a page that mostly stands still stays small. PNGs are decoded by the browser that took them.
 */
import { writeFileSync } from "node:fs";
import gifenc from "gifenc";
import type { Page } from "playwright-core";

const { applyPalette, GIFEncoder, quantize } = gifenc;

export interface Frame {
  readonly png: Buffer;
  /** Milliseconds, on any clock. */
  readonly atMs: number;
}

/** The last index is kept for "as before". */
const COLORS_MAX = 255;
const TRANSPARENT = COLORS_MAX;
/** Pixels of all frames from which the palette is made: every n-th. */
const PALETTE_STEP = 29;
/** Steps of colour up to which a pixel counts as unchanged: a blinking dither would cost more than it shows. */
const SAME_MAX = 3;
const LAST_FRAME_MS = 2_500;
const FRAME_MS_MIN = 20;

interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8Array;
}

/** Returns the size in bytes. */
export async function writeAnimation(file: string, frames: readonly Frame[], decoder: Page): Promise<number> {
  const decoded: Pixels[] = [];
  for (const { png } of frames) decoded.push(await decode(png, decoder));
  const palette = quantize(sampleOf(decoded), COLORS_MAX);
  while (palette.length <= TRANSPARENT) palette.push([0, 0, 0]);
  const encoder = GIFEncoder();
  let shown: Uint8Array | undefined;
  for (const [index, { width, height, rgba }] of decoded.entries()) {
    const next = frames[index + 1];
    const delay =
      next === undefined
        ? LAST_FRAME_MS
        : Math.max(FRAME_MS_MIN, Math.round(next.atMs - frames[index]!.atMs));
    const indexed = applyPalette(rgba, palette.slice(0, COLORS_MAX));
    if (shown !== undefined) keepChanges(indexed, rgba, shown);
    const isFirst = index === 0;
    encoder.writeFrame(indexed, width, height, {
      delay,
      dispose: 1,
      ...(isFirst ? { palette } : { transparent: true, transparentIndex: TRANSPARENT }),
    });
    shown = rgba;
  }
  encoder.finish();
  const bytes = encoder.bytes();
  writeFileSync(file, bytes);
  return bytes.length;
}

function keepChanges(indexed: Uint8Array, rgba: Uint8Array, before: Uint8Array): void {
  for (let pixel = 0, at = 0; pixel < indexed.length; pixel++, at += 4) {
    const change =
      Math.abs(rgba[at]! - before[at]!) +
      Math.abs(rgba[at + 1]! - before[at + 1]!) +
      Math.abs(rgba[at + 2]! - before[at + 2]!);
    if (change <= SAME_MAX) indexed[pixel] = TRANSPARENT;
  }
}

function sampleOf(frames: readonly Pixels[]): Uint8Array {
  const parts = frames.map(({ rgba }) => {
    const count = Math.floor(rgba.length / 4 / PALETTE_STEP);
    const part = new Uint8Array(count * 4);
    for (let index = 0; index < count; index++) {
      part.set(rgba.subarray(index * PALETTE_STEP * 4, index * PALETTE_STEP * 4 + 4), index * 4);
    }
    return part;
  });
  return new Uint8Array(Buffer.concat(parts));
}

async function decode(png: Buffer, decoder: Page): Promise<Pixels> {
  const { width, height, base64 } = await decoder.evaluate(async (data) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.width;
    canvas.height = image.height;
    const context = canvas.getContext("2d")!;
    context.drawImage(image, 0, 0);
    const { data: pixels } = context.getImageData(0, 0, image.width, image.height);
    const chunk = 0x8000;
    let text = "";
    for (let at = 0; at < pixels.length; at += chunk)
      text += String.fromCharCode(...pixels.subarray(at, at + chunk));
    return { width: image.width, height: image.height, base64: btoa(text) };
  }, png.toString("base64"));
  return { width, height, rgba: new Uint8Array(Buffer.from(base64, "base64")) };
}
