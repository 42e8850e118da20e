"use strict";
const texts = {
  en: {
    title: "U-Shield (software token)",
    help: "Keys: Enter = OK, Esc = C, arrows = turn pages.",
    gone: "The token does not answer. Start it again; this page goes on by itself.",
    fault: "Display fault: ",
  },
  zh: {
    title: "U 盾(软件令牌)",
    help: "按键:回车 = OK,Esc = C,方向键 = 翻页。",
    gone: "令牌没有应答。请重新启动令牌,本页会自动恢复。",
    fault: "显示故障:",
  },
};
const chinese = navigator.languages.some((l, i) => l.toLowerCase().startsWith("zh") && i === 0);
const text = texts[chinese ? "zh" : "en"];
const picture = document.getElementById("picture");
const words = document.getElementById("text");
const note = document.getElementById("note");
document.documentElement.lang = chinese ? "zh-CN" : "en";
for (const element of document.querySelectorAll("[data-text]")) {
  element.textContent = text[element.dataset.text];
}

// The screen that the person sees: a key counts for that one and no other.
let seen = null;

function show(screen) {
  picture.onload = () => { seen = screen.serial; };
  picture.src = `/screen.png?scale=4&after=${Math.max(screen.serial - 1, 0)}&wait=0`;
  picture.alt = words.textContent = screen.text;
  note.textContent = screen.fault ? text.fault + screen.fault : text.help;
  document.body.className = "";
}

function gone() {
  note.textContent = text.gone;
  document.body.className = "gone";
}

async function press(key) {
  if (seen === null) return;
  try {
    const answer = await fetch(`/key/${key}?serial=${seen}`, { method: "POST", headers: { "X-UShield": "1" } });
    if (!answer.ok && answer.status !== 409) gone();
  } catch {
    gone();
  }
}

async function watch() {
  let serial = null;
  for (;;) {
    try {
      const answer = await fetch(serial === null ? "/screen" : `/screen?after=${serial}`);
      if (!answer.ok) throw new Error(answer.statusText);
      const screen = await answer.json();
      if (screen.serial !== serial) show(screen);
      serial = screen.serial;
    } catch {
      gone();
      serial = null;
      await new Promise((resume) => setTimeout(resume, 1000));
    }
  }
}

for (const button of document.querySelectorAll("[data-key]")) {
  // A focused button must not take Enter as a second press of its own.
  button.addEventListener("mousedown", (event) => event.preventDefault());
  button.addEventListener("click", () => press(button.dataset.key));
}
const keys = { Enter: "ok", Escape: "cancel", ArrowUp: "up", ArrowDown: "down" };
addEventListener("keydown", (event) => {
  const key = keys[event.key];
  if (!key || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "Enter" && document.activeElement?.dataset?.key) return;
  event.preventDefault();
  press(key);
});
watch();
