/** The size of an element, and whether it is in view. */
import { type RefObject, useEffect, useLayoutEffect, useState } from "react";

const NEAR_PX = 150;

export function useSize(element: RefObject<HTMLElement | null>): { width: number; height: number } {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    if (!element.current) return;
    const look = () => {
      const { clientWidth: width, clientHeight: height } = element.current ?? {
        clientWidth: 0,
        clientHeight: 0,
      };
      setSize((before) => (before.width === width && before.height === height ? before : { width, height }));
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return size;
}

const watched = new Map<Element, (visible: boolean) => void>();
let observer: IntersectionObserver | null = null;

/** One observer for all panels: a thousand of their own would cost more than the panels. */
function watch(element: Element, tell: (visible: boolean) => void): () => void {
  observer ??= new IntersectionObserver(
    (entries) => {
      for (const entry of entries) watched.get(entry.target)?.(entry.isIntersecting);
    },
    { rootMargin: `${NEAR_PX}px 0px` },
  );
  watched.set(element, tell);
  observer.observe(element);
  return () => {
    watched.delete(element);
    observer?.unobserve(element);
  };
}

/** Whether an element is in view, and how high it was when it left. */
export function useInView(element: RefObject<HTMLElement | null>): { visible: boolean; height: number } {
  const [state, setState] = useState({ visible: false, height: 0 });
  useEffect(() => {
    const watching = element.current;
    if (!watching) return;
    return watch(watching, (visible) =>
      setState((before) =>
        before.visible === visible ? before : { visible, height: visible ? 0 : watching.offsetHeight },
      ),
    );
  }, [element]);
  return state;
}
