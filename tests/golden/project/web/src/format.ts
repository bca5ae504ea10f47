/** Write an amount of cents the way the reader's country writes money. */
export function formatMoney(cents: number, currency = "EUR", locale = navigator.language): string {
  return new Intl.NumberFormat(locale, { style: "currency", currency }).format(cents / 100);
}

/** Say how long ago something happened: "3 minutes ago". */
export function formatAge(then: Date, now = new Date()): string {
  const seconds = Math.round((now.getTime() - then.getTime()) / 1000);
  const relative = new Intl.RelativeTimeFormat();
  if (seconds < 60) return relative.format(-seconds, "second");
  if (seconds < 3600) return relative.format(-Math.round(seconds / 60), "minute");
  return relative.format(-Math.round(seconds / 3600), "hour");
}

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
