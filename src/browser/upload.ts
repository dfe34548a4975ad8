/**
 * Forms with files show how far they are, and take files that are dropped on them. The form itself is the one that works without a
 * script: what is sent is the same.
 */
export function watchUploads(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-upload]")) watchUpload(form);
}

function watchUpload(form: HTMLFormElement): void {
  const field = form.querySelector<HTMLInputElement>('input[type="file"]');
  const area = form.querySelector<HTMLElement>(".drop");
  const bar = form.querySelector<HTMLProgressElement>("progress");
  const words = form.querySelector<HTMLElement>("[data-upload-state]");
  if (field === null || bar === null || words === null) return;

  area?.addEventListener("dragover", (event) => {
    event.preventDefault();
    area.classList.add("over");
  });
  area?.addEventListener("dragleave", () => area.classList.remove("over"));
  area?.addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("over");
    if (event.dataTransfer !== null && event.dataTransfer.files.length > 0)
      field.files = event.dataTransfer.files;
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const request = new XMLHttpRequest();
    const cancel = form.querySelector<HTMLButtonElement>("[data-upload-cancel]");
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "text/html");
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      bar.max = total;
      bar.value = loaded;
      words.textContent =
        loaded < total ? `${bytes(loaded)} of ${bytes(total)} sent` : "All sent; it is being checked";
    });
    request.addEventListener("load", () => {
      // The address that the server went on to, or the form again with what was wrong.
      if (request.responseURL !== form.action) location.assign(request.responseURL);
      else showPage(request.responseText);
    });
    request.addEventListener("error", () =>
      stopped("The connection broke. Nothing was published; send it again."),
    );
    request.addEventListener("abort", () => stopped("Cancelled. Nothing was published."));
    bar.hidden = false;
    if (cancel !== null) {
      cancel.hidden = false;
      cancel.addEventListener("click", () => request.abort(), { once: true });
    }
    request.send(new FormData(form));

    function stopped(sentence: string): void {
      bar!.hidden = true;
      if (cancel !== null) cancel.hidden = true;
      words!.textContent = sentence;
    }
  });
}

/** Shows a page that came as the answer to a request, at this address. */
function showPage(text: string): void {
  const page = new DOMParser().parseFromString(text, "text/html");
  document.querySelector("main")?.replaceWith(page.querySelector("main") ?? "");
  watchUploads();
  document.querySelector<HTMLElement>('[role="alert"]')?.scrollIntoView({ block: "center" });
}

function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB"];
  const at = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, count)) / 3));
  return `${(count / 1000 ** at).toFixed(at === 0 ? 0 : 1)} ${units[at]}`;
}
