/** Above the tree: by what each folder is ordered, and from which end. */
import { ArrowDown, ArrowUp } from "lucide-react";
import { Button } from "@/ui/Button";
import styles from "./files.module.css";
import { messages } from "./messages";
import type { Order } from "./place";
import { nextOrder } from "./treeModel";

const SORTS = ["name", "size"] as const;

export function SortHeads({ order, onOrder }: { order: Order; onOrder: (order: Order) => void }) {
  return (
    <fieldset className={styles.heads}>
      <legend className="visually-hidden">{messages.order}</legend>
      {SORTS.map((sort) => {
        const own = order.sort === sort;
        return (
          <Button
            key={sort}
            kind="quiet"
            aria-pressed={own}
            aria-label={messages.orderBy(sort, nextOrder(order, sort).descending)}
            title={messages.orderBy(sort, nextOrder(order, sort).descending)}
            onClick={() => onOrder(nextOrder(order, sort))}
          >
            {messages.orders[sort]}
            {own && (order.descending ? <ArrowDown size={12} /> : <ArrowUp size={12} />)}
          </Button>
        );
      })}
    </fieldset>
  );
}
