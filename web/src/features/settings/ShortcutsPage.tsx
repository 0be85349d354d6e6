export function ShortcutsPage() {
  return <div>ShortcutsPage</div>;
}
