import { describe, expect, it } from "vitest";
import { safeHtml } from "./Markdown";

describe("Markdown of users", () => {
  it("shows HTML with attributes as text and keeps plain tags", () => {
    const html = safeHtml(
      'H<sub>2</sub>O <img src=x onerror=alert(1)> <b onclick="x()">b</b>\n\n<script>x</script>',
    );
    expect(html).toContain("H<sub>2</sub>O");
    expect(html).toContain("&lt;img src=x onerror=alert(1)&gt;");
    expect(html).toContain("&lt;script&gt;");
    expect(html).not.toMatch(/<(?:img|script|b )/);
  });

  it("drops links that would run something, and pictures from elsewhere", () => {
    expect(safeHtml("[a](javascript:alert(1))")).not.toContain("href");
    expect(safeHtml("[a](https://example.org)")).toContain('rel="noopener noreferrer nofollow"');
    expect(safeHtml("![a word](https://example.org/x.png)")).not.toContain("<img");
    expect(safeHtml("![x](data:image/png;base64,AAAA)")).toContain("<img");
  });

  it("drops comments", () => {
    expect(safeHtml("a <!-- secret --> b")).not.toContain("secret");
  });
});
