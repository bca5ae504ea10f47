import { fetchJson } from "./http";

/** Call the function only after calls have stopped coming for a while. */
export function debounce<A extends unknown[]>(callback: (...args: A) => void, waitMs: number) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return (...args: A) => {
    clearTimeout(timer);
    timer = setTimeout(() => callback(...args), waitMs);
  };
}

export class SearchBox {
  private suggestions: string[] = [];

  constructor(private readonly input: HTMLInputElement) {
    input.addEventListener("input", debounce(() => void this.suggest(), 250));
    input.addEventListener("keydown", (event) => this.onKey(event));
  }

  private async suggest(): Promise<void> {
    const query = encodeURIComponent(this.input.value);
    this.suggestions = await fetchJson<string[]>(`/suggest?q=${query}`);
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key === "Escape") this.suggestions = [];
    if (event.key === "Enter" && this.suggestions.length > 0) this.input.value = this.suggestions[0];
  }
}
