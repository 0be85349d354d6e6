export function RunPage() {
  return <div>RunPage</div>;
}
