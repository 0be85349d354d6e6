/** Labelled inputs. */
import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId } from "react";
import { join } from "./Button";
import styles from "./controls.module.css";

export function TextField({
  label,
  hideLabel,
  className,
  ...rest
}: InputHTMLAttributes<HTMLInputElement> & { label: string; hideLabel?: boolean }) {
  const id = useId();
  return (
    <span className={styles.field}>
      <label htmlFor={id} className={hideLabel ? "visually-hidden" : styles.label}>
        {label}
      </label>
      <input
        id={id}
        className={join(styles.input, className)}
        autoComplete="off"
        spellCheck={false}
        {...rest}
      />
    </span>
  );
}

export function SelectField({
  label,
  hideLabel,
  children,
  className,
  ...rest
}: SelectHTMLAttributes<HTMLSelectElement> & { label: string; hideLabel?: boolean; children: ReactNode }) {
  const id = useId();
  return (
    <span className={styles.field}>
      <label htmlFor={id} className={hideLabel ? "visually-hidden" : styles.label}>
        {label}
      </label>
      <select id={id} className={join(styles.input, className)} {...rest}>
        {children}
      </select>
    </span>
  );
}
