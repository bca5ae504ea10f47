import { escapeHtml, formatAge, formatMoney } from "./format";

describe("formatting", () => {
  it("writes money with its currency", () => {
    expect(formatMoney(1250, "EUR", "de-DE")).toContain("12,50");
  });

  it("says how long ago something was", () => {
    expect(formatAge(new Date(0), new Date(180_000))).toBe("3 minutes ago");
  });

  it("escapes markup", () => {
    expect(escapeHtml("<b>")).toBe("&#60;b&#62;");
  });
});
