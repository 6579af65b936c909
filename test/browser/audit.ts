/**
 * What can be checked of a page by rule, for those who do not see it or see little: every control has a name, headings
 * and tables are what they seem, ids are unique, and text stands out from what is behind it (WCAG 2.2 AA, 1.4.3: 4.5:1,
 * 3:1 for large text). Returns a sentence for each thing that does not hold.
 */
import type { Page } from "playwright-core";

export function auditPage(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const AA = 4.5;
    const AA_LARGE = 3;
    const LARGE_PX = 24;
    const LARGE_BOLD_PX = 18.66;
    const faults: string[] = [];
    const isShown = (element: Element): boolean => {
      const box = element.getBoundingClientRect();
      return box.width > 1 && box.height > 1 && getComputedStyle(element).visibility === "visible";
    };

    if (document.documentElement.lang === "") faults.push("the document has no language");
    if (document.querySelectorAll("h1").length !== 1) faults.push("there is not one h1");
    if (document.querySelectorAll("main").length !== 1) faults.push("there is not one main");
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    for (const id of ids.filter((value, index) => ids.indexOf(value) !== index))
      faults.push(`id ${id} stands twice`);
    for (const section of document.querySelectorAll("section")) {
      // A list of ids: one with a space in it would be two that nobody has.
      const named = (section.getAttribute("aria-labelledby") ?? "").split(/\s+/);
      const headings = named.map((id) => document.getElementById(id)?.textContent ?? "");
      if (headings.includes("")) faults.push(`section ${section.className} has no name`);
    }
    for (const control of document.querySelectorAll(
      "button, select, input, a[href], [role=button], [tabindex='0']",
    )) {
      const labels = (control as HTMLInputElement).labels;
      const name =
        control.getAttribute("aria-label") ??
        (control.textContent?.trim() || [...(labels ?? [])].map((label) => label.textContent).join(""));
      if (name === "") faults.push(`a ${control.tagName} has no name: ${control.outerHTML.slice(0, 80)}`);
    }
    for (const control of document.querySelectorAll<HTMLElement>("[role=button]")) {
      if (control.tabIndex < 0) faults.push(`${control.getAttribute("aria-label")} cannot be reached by key`);
    }
    for (const group of document.querySelectorAll("fieldset")) {
      if (group.querySelector("legend")?.textContent === "") faults.push("a group of choices has no name");
    }
    for (const image of document.querySelectorAll("svg")) {
      const isNamed = image.hasAttribute("aria-label") && image.hasAttribute("role");
      if (!isNamed && image.closest("[aria-hidden=true]") === null)
        faults.push("a drawing has neither name nor leave");
    }
    for (const head of document.querySelectorAll("thead th")) {
      if (head.getAttribute("scope") !== "col") faults.push(`column ${head.textContent} has no scope`);
    }
    for (const head of document.querySelectorAll("tbody th")) {
      if (head.getAttribute("scope") !== "row") faults.push(`row ${head.textContent} has no scope`);
    }
    if (document.querySelector("[aria-live=polite], [role=log], [role=status]") === null)
      faults.push("nothing is told");

    const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;
    const rgbaOf = (color: string): [number, number, number, number] => {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = color;
      context.fillRect(0, 0, 1, 1);
      const [r = 0, g = 0, b = 0, a = 0] = context.getImageData(0, 0, 1, 1).data;
      return [r, g, b, a / 255];
    };
    const over = (top: number[], bottom: number[]): number[] =>
      [0, 1, 2].map((index) => top[index]! * top[3]! + bottom[index]! * (1 - top[3]!));
    const behind = (element: Element): number[] => {
      const layers: number[][] = [];
      for (let at: Element | null = element; at !== null; at = at.parentElement) {
        layers.push(rgbaOf(getComputedStyle(at).backgroundColor));
      }
      return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
    };
    const luminance = (color: number[]): number => {
      const [r, g, b] = color.map((value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
    };
    for (const element of document.querySelectorAll("body *")) {
      const own = [...element.childNodes].some(
        (node) => node.nodeType === Node.TEXT_NODE && node.textContent!.trim() !== "",
      );
      const control = element.closest("button, select");
      if (!own || !isShown(element) || (control as HTMLButtonElement | null)?.disabled === true) continue;
      const style = getComputedStyle(element);
      const isDrawn = element.namespaceURI?.endsWith("svg") === true;
      const background = behind(element);
      const color = over(rgbaOf(isDrawn ? style.fill : style.color), background);
      const [light, dark] = [luminance(color), luminance(background)].sort((a, b) => b - a);
      const ratio = (light! + 0.05) / (dark! + 0.05);
      const size = Number.parseFloat(style.fontSize);
      const isLarge = size >= LARGE_PX || (size >= LARGE_BOLD_PX && Number(style.fontWeight) >= 700);
      if (ratio < (isLarge ? AA_LARGE : AA)) {
        faults.push(`"${element.textContent.trim().slice(0, 30)}" has a contrast of ${ratio.toFixed(2)}`);
      }
    }
    return [...new Set(faults)];
  });
}
