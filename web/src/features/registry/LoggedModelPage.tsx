export function LoggedModelPage() {
  return <div>LoggedModelPage</div>;
}
