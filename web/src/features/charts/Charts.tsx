export function Charts() {
  return <div>Charts</div>;
}
