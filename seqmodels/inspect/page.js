"use strict";
const read = JSON.parse(document.getElementById("read").textContent);
const { tokens, models } = read;
const T = tokens.length, STRONGEST = 6, MILLISECONDS = 110;
const [panesElement, playButton, slider, where, compareButton, statusLine] =
  ["panes", "play", "position", "where", "compare", "status"].map(id => document.getElementById(id));

// --- values ---

// Bytes of all units, T for each; decoded when they are first looked at.
function bytesOf(quantity) {
  if (!quantity.bytes) {
    const text = atob(quantity.values), bytes = new Int8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    quantity.bytes = bytes;
    delete quantity.values;
  }
  return quantity.bytes;
}
const valueAt = (quantity, unit, at) => bytesOf(quantity)[unit * T + at] / 127 * quantity.largest[unit];

// The value with the full colour: 1 for a gate; for others the unit's largest, so that small ones are seen, too.
const fullColour = (quantity, unit) => quantity.gate ? 1 : quantity.largest[unit] || 1;
// Among all units, values between -1 and 1 are as they are; others are shares of their unit's largest.
const among = (quantity, unit, at) => valueAt(quantity, unit, at) / (quantity.bounded ? 1 : quantity.largest[unit] || 1);

// --- words and colours ---

const visible = token => ({ " ": "␣", "\n": "↵", "\t": "⇥", "": "∅" })[token] ?? token.replaceAll("\n", "↵");
const signed = value => (value < 0 ? "−" : value > 0 ? "+" : "") + Math.abs(value).toFixed(2);
const colour = share => `rgb(var(--${share < 0 ? "negative" : "positive"}) / ${Math.min(Math.abs(share), 1).toFixed(2)})`;
const capital = word => word[0].toUpperCase() + word.slice(1);

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// --- where we are in the text ---

const lineStarts = [0];
tokens.forEach((token, at) => { if (token.endsWith("\n") && at + 1 < T) lineStarts.push(at + 1); });
const lineOf = at => lineStarts.findLastIndex(start => start <= at);

let here = 0, playing = null;  // a click stays here; pointing only looks

function look(at) {
  for (const pane of panes) pane.show(at);
}

function go(at, follow = true) {
  here = Math.max(0, Math.min(T - 1, at));
  look(here);
  if (follow) for (const pane of panes) pane.follow(here);
  slider.value = here;
  where.textContent = `${capital(read.token)} ${(here + 1).toLocaleString("en")} of ${T.toLocaleString("en")}`;
  slider.setAttribute("aria-valuetext", `${where.textContent}: ${visible(tokens[here])}`);
  if (!playing) statusLine.textContent = panes.map(pane => pane.spoken(here)).join("; ");
}

function goToLine(line) {
  const column = here - lineStarts[lineOf(here)];
  const start = lineStarts[Math.max(0, Math.min(lineStarts.length - 1, line))];
  const end = (lineStarts[lineOf(start) + 1] ?? T) - 1;
  go(Math.min(start + column, end));
}

function play(on) {
  clearInterval(playing);
  if (on && here === T - 1) go(0);
  playing = on ? setInterval(() => here < T - 1 ? go(here + 1) : play(false), MILLISECONDS) : null;
  playButton.textContent = on ? "Pause" : "Play";
}

// --- a model's text and its units ---

class Pane {
  constructor(model) {
    this.element = document.getElementById("pane").content.firstElementChild.cloneNode(true);
    const find = name => this.element.querySelector(name);
    [this.modelSelect, this.layerSelect, this.nameSelect, this.unitInput, this.text, this.canvas] =
      [".model", ".layer", ".name", ".unit", ".text", "canvas"].map(find);
    [this.strongest, this.expected, this.properties] = [".strongest", ".expected", ".properties"].map(find);
    this.find = find;
    this.writeText();
    this.listen();
    fill(this.modelSelect, models.map(each => each.name));
    this.chooseModel(model);
  }

  writeText() {
    this.spans = tokens.map((token, at) => make("span", { textContent: token, at, className: token === "\n" ? "break" : "" }));
    this.text.append(...this.spans);
  }

  listen() {
    this.modelSelect.onchange = () => this.chooseModel(this.modelSelect.selectedIndex);
    this.layerSelect.onchange = () => this.chooseQuantity(this.layerSelect.value, this.nameSelect.value);
    this.nameSelect.onchange = () => this.chooseQuantity(this.layerSelect.value, this.nameSelect.value);
    this.unitInput.oninput = () => this.unitInput.validity.valid && this.choose(this.quantity, this.unitInput.valueAsNumber);
    this.text.onpointerover = event => "at" in event.target && !playing && look(event.target.at);
    this.text.onpointerleave = () => look(here);
    // What the page itself scrolled leads nobody: its event may come after the reader's own scrolling of the other.
    this.text.onscroll = () => {
      if (this.text.scrollTop !== this.scrolledTo) for (const pane of panes) pane.scrollTo(this.text.scrollTop);
    };
    this.text.onclick = event => { if ("at" in event.target) { play(false); go(event.target.at, false); } };
    this.text.onkeydown = event => {
      const line = lineOf(here);
      const act = {
        ArrowLeft: () => go(here - 1), ArrowRight: () => go(here + 1), Home: () => go(0), End: () => go(T - 1),
        ArrowUp: () => goToLine(line - 1), ArrowDown: () => goToLine(line + 1), " ": () => play(!playing),
      }[event.key];
      act?.();
      if (act) event.preventDefault();
    };
    this.canvas.onclick = event => this.pointed(event) !== null && this.choose(this.quantity, this.pointed(event));
    this.canvas.onpointermove = event => this.say(this.pointed(event) ?? this.unit);
    this.canvas.onpointerleave = () => this.say(this.unit);
    this.canvas.onkeydown = event => {
      const move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns }[event.key];
      if (move === undefined) return;
      event.preventDefault();
      if (this.quantity.largest[this.unit + move] !== undefined) this.choose(this.quantity, this.unit + move);
    };
  }

  chooseModel(index) {
    this.model = models[index];
    this.modelSelect.selectedIndex = index;
    const layers = [...new Set(this.model.quantities.map(each => each.layer))];
    fill(this.layerSelect, layers, shortNames(layers));
    this.layerSelect.parentElement.hidden = layers.length === 1;
    this.text.setAttribute("aria-label", `Text read by ${this.model.name}; arrow keys move, space plays`);
    this.listProperties();
    const first = this.model.properties.find(each => each.best.length)?.best[0];
    const quantity = this.model.quantities[first?.quantity ?? 0];
    this.choose(quantity, first?.unit ?? quantity.widest);
  }

  chooseQuantity(layer, name) {
    const within = this.model.quantities.filter(each => each.layer === layer);
    const quantity = within.find(each => each.name === name) ?? within[0];
    this.choose(quantity, Math.min(this.unit, quantity.largest.length - 1));
  }

  choose(quantity, unit) {
    Object.assign(this, { quantity, unit });
    fill(this.nameSelect, this.model.quantities.filter(each => each.layer === quantity.layer).map(each => each.name));
    this.layerSelect.value = quantity.layer;
    this.nameSelect.value = quantity.name;
    const count = quantity.largest.length;
    if (this.unitInput.valueAsNumber !== unit) this.unitInput.value = unit;
    this.unitInput.max = count - 1;
    this.find(".count").textContent = `of ${count.toLocaleString("en")}`;
    this.canvas.setAttribute("aria-valuemax", count - 1);
    this.paint();
    if (this.element.isConnected) this.show(here);
  }

  // Colours the text by the unit.
  paint() {
    const { quantity, unit } = this, full = fullColour(quantity, unit);
    this.spans.forEach((span, at) => { span.style.backgroundColor = colour(valueAt(quantity, unit, at) / full); });
    this.element.classList.toggle("gate", quantity.gate);
    const low = quantity.gate ? "0" : signed(-full), high = quantity.gate ? "1" : signed(full);
    this.find(".low").textContent = low;
    this.find(".high").textContent = high;
    this.find(".legend").setAttribute("aria-label", `Colours from ${low} to ${high}`);
    for (const button of this.properties.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", button.unit === unit && button.quantity === quantity);
    }
  }

  // All that is known at one token.
  show(at) {
    this.spans[this.at]?.classList.remove("here");
    this.at = at;
    this.spans[at].classList.add("here");
    this.find(".key").textContent = visible(tokens[at]);
    const share = valueAt(this.quantity, this.unit, at) / fullColour(this.quantity, this.unit);
    this.find(".scale i").style.left = `${this.quantity.gate ? share * 100 : 50 + share * 50}%`;
    this.say(this.unit);
    this.drawUnits();
    this.nameStrongest();
    this.listExpected();
  }

  // Scrolls the text, not the page.
  follow(at) {
    const top = this.spans[at].offsetTop, { scrollTop, clientHeight } = this.text;
    if (top < scrollTop + 30 || top > scrollTop + clientHeight - 60) this.scrollTo(top - clientHeight / 3);
  }

  scrollTo(top) {
    this.text.scrollTop = top;
    this.scrolledTo = this.text.scrollTop; // within the text's bounds
  }

  spoken(at) {
    return `${visible(tokens[at])}, ${this.model.name} ${this.quantity.name} ${this.unit}: ${signed(valueAt(this.quantity, this.unit, at))}`;
  }

  say(unit) {
    const value = signed(valueAt(this.quantity, unit, this.at));
    this.find(".pointed").textContent = `unit ${unit}: ${value}`;
    this.canvas.setAttribute("aria-valuenow", this.unit);
    this.canvas.setAttribute("aria-valuetext", `unit ${this.unit}: ${signed(valueAt(this.quantity, this.unit, this.at))}`);
  }

  drawUnits() {
    const { canvas, quantity, at } = this, count = quantity.largest.length;
    const columns = this.columns = Math.min(32, count), rows = Math.ceil(count / columns);
    const side = Math.max(1, Math.floor(canvas.clientWidth * devicePixelRatio / Math.max(columns, 16)));
    canvas.width = side * columns;
    canvas.height = side * rows;
    canvas.style.maxWidth = `${columns / Math.max(columns, 16) * 100}%`;
    const draw = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
    const [negative, positive, line, ink] = ["negative", "positive", "line", "ink"].map(name => style.getPropertyValue(`--${name}`));
    const gap = Math.max(1, Math.round(side / 10));
    const corner = unit => [unit % columns * side, Math.floor(unit / columns) * side];
    for (let unit = 0; unit < count; unit++) {
      const share = among(quantity, unit, at), [x, y] = corner(unit);
      draw.fillStyle = `rgb(${share < 0 ? negative : positive} / ${Math.min(Math.abs(share), 1)})`;
      draw.fillRect(x, y, side - gap, side - gap);
      draw.strokeStyle = line;
      draw.lineWidth = 1;
      draw.strokeRect(x + 0.5, y + 0.5, side - gap - 1, side - gap - 1);
    }
    const [x, y] = corner(this.unit), width = 2 * devicePixelRatio;
    draw.strokeStyle = ink;
    draw.lineWidth = width;
    draw.strokeRect(x + width / 2, y + width / 2, side - gap - width, side - gap - width);
  }

  // The unit under the pointer.
  pointed(event) {
    const box = this.canvas.getBoundingClientRect(), rows = this.canvas.height / this.canvas.width * this.columns;
    const column = Math.floor((event.clientX - box.left) / box.width * this.columns);
    const row = Math.floor((event.clientY - box.top) / box.height * rows);
    const unit = row * this.columns + column;
    return column >= 0 && column < this.columns && unit >= 0 && unit < this.quantity.largest.length ? unit : null;
  }

  nameStrongest() {
    const { quantity, at } = this;
    const shares = quantity.largest.map((_, unit) => [Math.abs(among(quantity, unit, at)), unit]);
    const best = shares.sort((one, other) => other[0] - one[0]).slice(0, STRONGEST);
    this.strongest.replaceChildren(...best.map(([, unit]) => {
      const button = this.unitButton(quantity, unit, unit, signed(valueAt(quantity, unit, at)));
      button.style.backgroundColor = colour(among(quantity, unit, at));
      return button;
    }));
  }

  unitButton(quantity, unit, label, note) {
    const name = `Colour by unit ${unit} of ${quantity.name}, ${quantity.layer}: ${note}`;
    const button = make("button", { type: "button", title: name, ariaLabel: name, quantity, unit }, `${label}`, make("small", {}, note));
    button.onclick = () => this.choose(quantity, unit);
    return button;
  }

  listExpected() {
    const { probabilities, next } = this.model, following = tokens[this.at + 1];
    this.expected.hidden = !probabilities && !next;
    this.find(".next").replaceChildren(...(next?.[this.at] ?? []).map(([token, probability]) => {
      const bar = make("i", {});
      bar.style.width = `${probability * 100}%`;
      return make("li", { className: token === following ? "came" : "" },
        make("span", { className: "key", textContent: visible(token) }), bar, make("b", {}, probability.toFixed(2)));
    }));
    const probability = probabilities?.[this.at + 1];
    this.find(".came-next").textContent = following === undefined ? "The text ends here." :
      `Next comes ${visible(following)}` + (probability == null ? "." : `, which had probability ${probability.toPrecision(2)}.`);
  }

  listProperties() {
    const { properties, quantities } = this.model;
    const layers = [...new Set(quantities.map(each => each.layer))], names = shortNames(layers);
    const label = ({ layer, name }, unit) => (layers.length > 1 ? `layer ${names[layers.indexOf(layer)]}, ` : "") + `${name} ${unit}`;
    this.properties.hidden = !properties.length;
    this.find("dl").replaceChildren(...properties.map(({ name, best }) => {
      const buttons = best.map(each => {
        const quantity = quantities[each.quantity];
        return this.unitButton(quantity, each.unit, label(quantity, each.unit), each.auc.toFixed(2));
      });
      return make("div", {}, make("dt", {}, name), make("dd", { className: "units" }, ...buttons));
    }));
  }
}

function fill(select, options, labels = options) {
  select.replaceChildren(...options.map((value, index) => make("option", { value, textContent: labels[index] })));
}

// Places in the model without what they begin with in common: rnn.layers.0 and rnn.layers.1 are 0 and 1.
function shortNames(layers) {
  const parts = layers.map(layer => layer.split("."));
  const differs = Math.max(0, parts[0].findIndex((part, index) => parts.some(other => other[index] !== part)));
  return parts.map(each => each.slice(differs).join(".") || each.join("."));
}

// --- the page ---

const panes = [];

function addPane(model) {
  const pane = new Pane(model);
  panes.push(pane);
  panesElement.append(pane.element);
}

function compare(on) {
  if (on) addPane((models.indexOf(panes[0].model) + 1) % models.length);
  else panes.pop().element.remove();
  panesElement.classList.toggle("two", on);
  compareButton.setAttribute("aria-pressed", on);
  go(here);
}

playButton.onclick = () => play(!playing);
slider.oninput = () => { play(false); go(slider.valueAsNumber); };
compareButton.onclick = () => compare(panes.length === 1);
const redraw = () => panes.forEach(pane => pane.drawUnits());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
addEventListener("resize", redraw);

addPane(0);
go(0);
