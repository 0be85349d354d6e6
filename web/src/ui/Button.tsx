/** Buttons, with words or with a picture alone. */
import type { ButtonHTMLAttributes, ReactNode } from "react";
import styles from "./controls.module.css";

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: "plain" | "primary" | "danger" | "quiet";
}

export function Button({ kind = "plain", className, type = "button", ...rest }: ButtonProps) {
  return <button type={type} data-kind={kind} className={join(styles.button, className)} {...rest} />;
}

/** A button that shows a picture; `label` is what it does, for everybody who can't see or guess. */
export function IconButton({
  label,
  children,
  kind = "quiet",
  className,
  ...rest
}: ButtonProps & { label: string; children: ReactNode }) {
  return (
    <Button kind={kind} className={join(styles.icon, className)} aria-label={label} title={label} {...rest}>
      {children}
    </Button>
  );
}

export function join(...names: (string | undefined | false)[]): string {
  return names.filter(Boolean).join(" ");
}
