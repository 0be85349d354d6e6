export function RunTable() {
  return <div>RunTable</div>;
}
