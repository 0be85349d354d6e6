export function ModelPage() {
  return <div>ModelPage</div>;
}
