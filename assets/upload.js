// Uploads in place: a file can be dropped, its progress is shown, and an error stays beside the file.
// Without this script the form still works by itself.
(() => {
  const part = (form, name) => form.querySelector(`[data-upload-${name}]`);
  const say = (form, name, text) => {
    const element = part(form, name);
    if (element) element.textContent = text;
  };

  const forgetProblem = (event) => {
    const form = event.target.closest?.("form[data-upload]");
    if (!form || event.target.type !== "file") return;
    say(form, "problem", "");
  };

  const over = (event) => {
    const area = event.target.closest?.("[data-drop]");
    if (!area) return;
    event.preventDefault();
    area.classList.toggle("over", event.type === "dragover");
  };
  const drop = (event) => {
    const area = event.target.closest?.("[data-drop]");
    if (!area) return;
    event.preventDefault();
    area.classList.remove("over");
    const field = area.querySelector("input[type=file]");
    if (!event.dataTransfer.files.length) return;
    field.files = event.dataTransfer.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  };

  const message = (request) => {
    try {
      return JSON.parse(request.responseText).error.message;
    } catch {
      return "The file did not arrive. Try it again.";
    }
  };

  const send = (event) => {
    const form = event.target;
    if (!form.matches?.("form[data-upload]")) return;
    event.preventDefault();
    const data = new FormData(form);
    const next = data.get("next");
    data.delete("next");
    if (!data.get("file")?.size) {
      say(form, "problem", "Choose a file first.");
      return;
    }
    const button = form.querySelector("button[type=submit]");
    const request = new XMLHttpRequest();
    const end = (problem) => {
      button.disabled = false;
      say(form, "status", "");
      say(form, "problem", problem);
    };
    request.upload.addEventListener("progress", (step) => {
      if (step.lengthComputable) {
        const percent = Math.floor((step.loaded * 100) / step.total);
        say(form, "status", percent < 100 ? `${percent}% uploaded` : "Reading the file ...");
      }
    });
    request.addEventListener("load", () => {
      if (request.status !== 201) {
        end(message(request));
        return;
      }
      const id = JSON.parse(request.responseText).id;
      window.location.assign(`${next}${next.includes("?") ? "&" : "?"}import=${encodeURIComponent(id)}`);
    });
    request.addEventListener("error", () => end("The connection broke. Try it again."));
    say(form, "problem", "");
    button.disabled = true;
    request.open("POST", form.action);
    request.send(data);
  };

  document.addEventListener("change", forgetProblem);
  document.addEventListener("dragover", over);
  document.addEventListener("dragleave", over);
  document.addEventListener("drop", drop);
  document.addEventListener("submit", send, true);
})();
