/** The files of a model on its page; which one is open stands in the address. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { Skeleton } from "@/ui/Notice";
import type { Place } from "./data";

const Files = lazy(() => import("@/features/files/Files").then((m) => ({ default: m.Files })));

export function FilesFace({ place }: { place: Place }) {
  const search = useSearch({ strict: false });
  const navigate = useNavigate();
  return (
    <Suspense fallback={<Skeleton height={400} />}>
      <Files
        place={place}
        path={search.path}
        line={search.line}
        onPath={(path, options) =>
          navigate({
            to: ".",
            search: (before) => ({ ...before, path, line: options?.line }),
            replace: options?.replace ?? false,
            resetScroll: false,
          })
        }
      />
    </Suspense>
  );
}
