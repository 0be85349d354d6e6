/** A verdict, with a shape and a word beside its colour. */
import { CircleCheck, CircleEqual, CircleX, MinusCircle } from "lucide-react";
import { Chip } from "@/ui/Facts";
import type { Finding } from "./data";

type Result = Finding["verdict"];

const LOOKS = {
  identical: { Icon: CircleCheck, tone: "good" },
  "within tolerance": { Icon: CircleEqual, tone: "accent" },
  different: { Icon: CircleX, tone: "bad" },
  "not compared": { Icon: MinusCircle, tone: undefined },
} as const;

export function VerdictChip({ verdict, words }: { verdict: Result; words: string }) {
  const { Icon, tone } = LOOKS[verdict];
  return (
    <Chip tone={tone}>
      <Icon size={13} aria-hidden="true" />
      {words}
    </Chip>
  );
}
