/** The size of an element, and whether it is in view. */
import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import { forgetTurn, inTurn } from "./turns";

const NEAR_PX = 150;

/** The inner size of an element; `expected` is a width that is known beforehand, as measuring lays the page out. */
export function useSize(
  element: RefObject<HTMLElement | null>,
  expected = 0,
): { width: number; height: number } {
  const [size, setSize] = useState({ width: expected, height: 0 });
  const isKnown = useRef(expected > 0);
  useLayoutEffect(() => {
    if (!element.current) return;
    const look = () => {
      const { clientWidth: width, clientHeight: height } = element.current ?? {
        clientWidth: 0,
        clientHeight: 0,
      };
      setSize((before) => (before.width === width && before.height === height ? before : { width, height }));
    };
    if (!isKnown.current) look();
    const observer = new ResizeObserver(look);
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return size;
}

type Tell = (visible: boolean, box: DOMRectReadOnly) => void;

const watched = new Map<Element, Tell>();
let observer: IntersectionObserver | null = null;

/** One observer for all panels: a thousand of their own would cost more than the panels. */
function watch(element: Element, tell: Tell): () => void {
  observer ??= new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting, boundingClientRect } of entries) {
        watched.get(target)?.(isIntersecting, boundingClientRect);
      }
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

/** Whether an element is in view, how high it was when it left, and how wide when it came. */
export function useInView(element: RefObject<HTMLElement | null>): {
  visible: boolean;
  height: number;
  width: number;
} {
  const [state, setState] = useState({ visible: false, height: 0, width: 0 });
  useEffect(() => {
    const watching = element.current;
    if (!watching) return;
    const end = watch(watching, (visible, { width, height }) =>
      inTurn(watching, () =>
        setState((before) =>
          before.visible === visible ? before : { visible, height: visible ? 0 : height, width },
        ),
      ),
    );
    return () => {
      end();
      forgetTurn(watching);
    };
  }, [element]);
  return state;
}
