/** The size of an element in CSS pixels, followed as it changes; undefined before it is known. */
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export interface Size {
  readonly width: number;
  readonly height: number;
}

export function useSize<E extends Element>(): readonly [RefObject<E | null>, Size | undefined] {
  const element = useRef<E>(null);
  const [size, setSize] = useState<Size | undefined>(undefined);
  useEffect(() => {
    const it = element.current;
    if (it === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      setSize({ width: Math.round(width), height: Math.round(height) });
    });
    observer.observe(it);
    return () => observer.disconnect();
  }, []);
  return [element, size];
}
