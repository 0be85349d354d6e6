export function Compare() {
  return <div>Compare</div>;
}
