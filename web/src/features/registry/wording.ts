/** How numbers, lists and long names are put into sentences. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;
export const numbers = (versions: number[]): string =>
  versions.length ? `${versions.length === 1 ? "version" : "versions"} ${versions.join(", ")}` : "nobody";
export const either = (names: string[]): string =>
  names.length < 2 ? (names[0] ?? "") : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
export const short = (name: string): string => (name.length > 80 ? `${name.slice(0, 80)}…` : name);
