"""Draws the dashboards from a real run, for the documents.

    pictures.py DEMO PROMETHEUS [FOLDER]

DEMO is the program of the demonstration, which runs the filters in an Envoy; PROMETHEUS reads its metrics while
requests of every kind pass. Then each panel's query is asked as Grafana would, and drawn as an SVG in the place that
the dashboard has for it. The layout is always the same; the figures are those of the run.
"""

import base64
import concurrent.futures
import contextlib
import html
import json
import math
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
GATEWAY, ISSUER, ADMIN, PROMETHEUS = "127.0.0.1:10000", "127.0.0.1:8081", "127.0.0.1:9901", "127.0.0.1:19090"
SECONDS, SCRAPE, WINDOW = 90, 1, 10
CLIENTS = 4
UNIT = {"reqps": " req/s", "ops": " /s", "s": " s", "percentunit": " %"}
# Told apart by people who see colours in other ways, too (Okabe and Ito), and by dashes.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b38600", "#56b4e9", "#7f7f7f", "#a04000"]
DASHES = ["", "6 3", "2 2", "8 3 2 3"]
COLUMN, ROW, GAP = 50, 26, 8
# About as wide is a letter of a label and of a title.
LABEL, TITLE = 6.4, 7.9


def fetch(url, headers=None, data=None):
    request = urllib.request.Request(url, headers=headers or {}, data=data)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.read().decode()


def until(what, process, condition):
    end = time.monotonic() + 120
    while True:
        if process.poll() is not None:
            sys.exit(f"pictures: {what} has ended by itself")
        with contextlib.suppress(OSError):
            if condition():
                return
        if time.monotonic() > end:
            sys.exit(f"pictures: {what} does not come")
        time.sleep(0.1)


def token(name, scope):
    basic = base64.b64encode(f"{name}:{name}-secret".encode()).decode()
    data = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": scope}).encode()
    return json.loads(fetch(f"http://{ISSUER}/token", {"authorization": f"Basic {basic}"}, data))["access_token"]


def load(client):
    """Requests of every kind by several callers, who fetch new tokens now and then; refusals come in waves."""
    start, turn = time.monotonic(), 0
    while (passed := time.monotonic() - start) < SECONDS:
        if turn % 40 == 0:
            readers = [token(f"reader-{client}-{number}", "orders:read") for number in range(6)]
            doctors = [token(f"doctor-{client}-{number}", "patients:read") for number in range(2)]
            batch = token("nightly-batch", "orders:read")
        wave, reader, doctor = passed % 30 > 20, readers[turn % 6], doctors[turn // 2 % 2]
        for path, bearer, is_due in [
            ("/orders/17", reader, True),
            ("/patients/7", doctor, turn % 2 == 0),
            ("/search", reader, turn % 32 == client * 8),
            ("/healthz", None, turn % 16 == client * 4),
            ("/orders/17", None, turn % 16 == 0),
            ("/orders/17", doctor, wave and turn % 2 == 0),
            ("/orders/17", "no.token.atall", wave and turn % 4 == 0),
            ("/healthz/..%2forders/17", reader, wave and turn % 8 == 1),
            # More than one caller may.
            ("/orders/17", batch, wave and turn % 2 == 1),
        ]:
            if is_due:
                fetch(f"http://{GATEWAY}{path}", {"authorization": f"Bearer {bearer}"} if bearer else {})
        turn += 1
        time.sleep(0.25)


def ask(query, start, end, is_range):
    query = query.replace("$instance", ".*").replace("$__rate_interval", f"{WINDOW}s").replace("$__range", f"{SECONDS}s")
    words = {"query": query, "start": start, "end": end, "step": 1} if is_range else {"query": query, "time": end}
    kind = "query_range" if is_range else "query"
    found = json.loads(fetch(f"http://{PROMETHEUS}/api/v1/{kind}?{urllib.parse.urlencode(words)}"))
    if found["status"] != "success":
        sys.exit(f"pictures: {query}: {found}")
    return sorted(found["data"]["result"], key=lambda series: json.dumps(series["metric"], sort_keys=True))


def bytes_power(value):
    return min(3, max(0, int(math.log2(value) // 10))) if value else 0


def ceiling(value, unit):
    """Where an axis ends: a round number that is not below the value."""
    if value <= 0:
        return 1
    scale = 1024 ** bytes_power(value) if unit == "bytes" else 1
    power = 10 ** math.floor(math.log10(value / scale))
    return next(step for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power * scale >= value * 0.999) * power * scale


def number(value, unit):
    value = value * 100 if unit == "percentunit" else value
    if unit == "bytes":
        power = bytes_power(value)
        return f"{value / 1024**power:.3g} {('B', 'KiB', 'MiB', 'GiB')[power]}"
    if unit == "s" and 0 < abs(value) < 0.1:
        return f"{value * 1000:.3g} ms" if abs(value) >= 0.001 else f"{value * 1_000_000:.3g} µs"
    return f"{value:.3g}{UNIT.get(unit, '')}" if value != round(value) else f"{int(value)}{UNIT.get(unit, '')}"


def legend(text, labels):
    for name, value in labels.items():
        text = text.replace("{{" + name + "}}", value)
    return text


def text(x, y, words, kind, more=""):
    return f'<text x="{x}" y="{y}" class="{kind}"{more}>{html.escape(words)}</text>'


def chart(panel, series, start, end, width, height, top):
    """Lines over time, with what they are below."""
    unit, target = panel["fieldConfig"]["defaults"]["unit"], panel["targets"][0]
    lines = [(legend(target["legendFormat"], s["metric"]), [(t, float(v)) for t, v in s["values"] if math.isfinite(float(v))]) for s in series]
    lines = sorted(((name, points) for name, points in lines if points), key=lambda line: -line[1][-1][1])[: len(COLOURS)]
    if not lines:
        yield text(width / 2, height / 2, "none", "quiet", ' text-anchor="middle"')
        return
    columns = 2 if width > 300 else 1
    below = 14 * math.ceil(len(lines) / columns) + 8
    most = ceiling(max(value for _, points in lines for _, value in points), unit)
    marks = [(part, number(most * part, unit)) for part in (0, 0.5, 1)]
    left = round(14 + LABEL * max(len(mark) for _, mark in marks))
    right, bottom = width - 10, height - below - 20
    for part, mark in marks:
        y = bottom - part * (bottom - top)
        yield f'<path d="M{left} {y:.1f}H{right}" class="grid"/>'
        yield text(left - 6, round(y + 4, 1), mark, "small", ' text-anchor="end"')
    yield text(left, bottom + 14, "0 s", "small")
    yield text(right, bottom + 14, f"{end - start:.0f} s", "small", ' text-anchor="end"')
    for place, (name, points) in enumerate(lines):
        x = [left + (t - start) / (end - start) * (right - left) for t, _ in points]
        y = [bottom - value / most * (bottom - top) for _, value in points]
        path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y))
        style = f'stroke="{COLOURS[place]}" stroke-dasharray="{DASHES[place % len(DASHES)]}"'
        yield f'<path d="{path}" class="line" {style}/>'
        at_x = 10 + (place % columns) * (width - 20) / columns
        at_y = height - below + 14 * (place // columns) + 6
        yield f'<path d="M{at_x:.0f} {at_y}h18" class="line" {style}/>'
        room = int(((width - 20) / columns - 24) / LABEL)
        yield text(round(at_x + 24), at_y + 4, name if len(name) <= room else name[: room - 1] + "…", "small")


def stat(panel, series, width, height):
    unit, target = panel["fieldConfig"]["defaults"]["unit"], panel["targets"][0]
    values = [(legend(target["legendFormat"], s["metric"]), float(s["value"][1])) for s in series] or [("", 0.0)]
    step = min(40, (height - 50) / len(values))
    for place, (name, value) in enumerate(values):
        y = round(height / 2 + 12 + (place - (len(values) - 1) / 2) * step)
        label = f"{name} " if len(values) > 1 else ""
        yield text(width / 2, y, label + number(value, unit), "big", ' text-anchor="middle"')


def picture(dashboard, start, end):
    panels, parts = dashboard["panels"], []
    height = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in panels) * ROW + 40
    width = 24 * COLUMN
    for panel in panels:
        place = panel["gridPos"]
        x, y, w, h = place["x"] * COLUMN, place["y"] * ROW + 40, place["w"] * COLUMN - GAP, place["h"] * ROW - GAP
        parts.append(f'<g transform="translate({x} {y})">')
        if panel["type"] == "row":
            parts.append(text(2, 17, panel["title"], "row"))
        else:
            is_range = panel["type"] == "timeseries"
            series = ask(panel["targets"][0]["expr"], start, end, is_range)
            parts.append(f'<rect width="{w}" height="{h}" class="panel"/>')
            title = textwrap.wrap(panel["title"], int((w - 16) / TITLE))
            parts.extend(text(10, 20 + 15 * place, line, "title") for place, line in enumerate(title))
            top = 19 + 15 * len(title)
            parts.extend(chart(panel, series, start, end, w, h, top) if is_range else stat(panel, series, w, h))
        parts.append("</g>")
    title = html.escape(dashboard["title"])
    style = """
svg{background:#fff;--text:#1b1f24;--quiet:#4a525c;--line:#c8ced6;--panel:#f6f7f9;font-family:system-ui,sans-serif}
@media (prefers-color-scheme:dark){svg{background:#14171b;--text:#e8eaed;--quiet:#b4bcc6;--line:#3a424c;--panel:#1e2329}}
text{fill:var(--text);font-size:13px}.head{font-size:20px;font-weight:600}.row,.title{font-weight:600}.small,.quiet{fill:var(--quiet);font-size:11px}
.big{font-size:26px}.panel{fill:var(--panel);stroke:var(--line)}.grid{stroke:var(--line);fill:none}.line{fill:none;stroke-width:2}"""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n{text(2, 24, dashboard['title'], 'head')}\n" + "\n".join(parts) + "\n</svg>\n"
    )


@contextlib.contextmanager
def running(command):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()


def main():
    demo, prometheus = sys.argv[1:3]
    folder = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else HERE / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    for address in (GATEWAY, ISSUER, ADMIN, PROMETHEUS):
        host, port = address.split(":")
        with socket.socket() as other:
            if other.connect_ex((host, int(port))) == 0:
                sys.exit(f"pictures: something else listens at {address}; the demonstration needs it")
    with tempfile.TemporaryDirectory() as data, running([demo, "--keep"]) as gateway:
        job = {"job_name": "envoy", "metrics_path": "/stats/prometheus", "static_configs": [{"targets": [ADMIN]}]}
        scrape = {"global": {"scrape_interval": f"{SCRAPE}s"}, "scrape_configs": [job]}
        config = pathlib.Path(data) / "prometheus.yaml"
        config.write_text(json.dumps(scrape), encoding="utf-8")
        until("the gateway", gateway, lambda: fetch(f"http://{ADMIN}/ready").startswith("LIVE"))
        options = ["--log.level=error", f"--config.file={config}", f"--storage.tsdb.path={data}/tsdb", f"--web.listen-address={PROMETHEUS}"]
        with running([prometheus, *options]) as reader:
            until("Prometheus", reader, lambda: "Ready" in fetch(f"http://{PROMETHEUS}/-/ready"))
            start = time.time()
            with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
                # Also says what went wrong with one.
                list(pool.map(load, range(CLIENTS)))
            for file in sorted(HERE.glob("*.json")):
                dashboard = json.loads(file.read_text(encoding="utf-8"))
                output = folder / f"{file.stem}.svg"
                output.write_text(picture(dashboard, start + WINDOW, time.time()), encoding="utf-8")
                print(output)


if __name__ == "__main__":
    main()
