export function ModelsPage() {
  return <div>ModelsPage</div>;
}
