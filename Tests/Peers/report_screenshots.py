"""Pictures of reports as people see them: at the width of a phone and of a desktop, light and dark.

    report_screenshots.py OUTPUT REPORT.html…      writes OUTPUT/<name>-<width>-<scheme>.png

Needs a Chromium (CHROMIUM names it, else chromium, chromium-browser or google-chrome is looked for) and Pillow. Exits with 1 if a page is wider than its window.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from PIL import Image, ImageChops

WIDTHS = {375: 9000, 1440: 6000}
SCHEMES = {"light": 1, "dark": 0}  # Blink's preferredColorScheme


def browser():
    names = [os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    for name in filter(None, names):
        if shutil.which(name):
            return name
    sys.exit("no Chromium found; install one, or name it in CHROMIUM")


def run(page, folder, scheme, width, height, *options):
    command = [
        browser(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}/profile",
        f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", f"--window-size={width},{height}",
        "--allow-file-access-from-files", *options, page.as_uri(),
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def framed(report, folder, width, height):
    """A page with the report in a frame of the given width: no window of Chromium is narrower than 500."""
    page = pathlib.Path(folder) / f"frame-{width}.html"
    page.write_text(
        f"<!DOCTYPE html><meta name=color-scheme content='light dark'><style>*{{margin:0;border:0}}</style>"
        f"<iframe src='{report.as_uri()}' width={width} height={height}></iframe>")
    return page


def overflow(report, folder, width):
    """By how many pixels the page is wider than its window, as the browser lays it out."""
    page = pathlib.Path(folder) / "measure.html"
    page.write_text(
        f"<!DOCTYPE html><iframe id=f src='{report.as_uri()}' width={width} height=2000 style='border:0'></iframe>"
        "<script>f.onload=()=>{document.title=f.contentDocument.documentElement.scrollWidth}</script>")
    dom = run(page, folder, "light", 1600, 1000, "--dump-dom", "--virtual-time-budget=3000")
    return int(dom.split("<title>")[1].split("</title>")[0]) - width


def photograph(page, folder, scheme, width, height, picture):
    """Takes the picture, and cuts off what is empty below the page."""
    for _ in range(5):
        run(page, folder, scheme, max(width, 500), height, f"--screenshot={picture}", "--virtual-time-budget=3000")
        image = Image.open(picture).convert("RGB").crop((0, 0, width, height))
        blank = Image.new("RGB", image.size, image.getpixel((2, height - 2)))
        content = ImageChops.difference(image, blank).getbbox()
        if content:  # a frame may not be there yet when the picture is taken
            image.crop((0, 0, width, min(height, content[3] + 24))).save(picture)
            return
    sys.exit(f"{page} stays blank")


def main():
    output = pathlib.Path(sys.argv[1])
    output.mkdir(parents=True, exist_ok=True)
    failed = False
    for name in sys.argv[2:]:
        report = pathlib.Path(name).resolve()
        label = report.parent.name if report.stem == "report" else report.stem
        with tempfile.TemporaryDirectory() as folder:
            for width, height in WIDTHS.items():
                wider = overflow(report, folder, width)
                if wider > 0:
                    print(f"{name}: {wider} pixels wider than {width}")
                    failed = True
                for scheme in SCHEMES:
                    picture = output / f"{label}-{width}-{scheme}.png"
                    page = report if width >= 500 else framed(report, folder, width, height)
                    photograph(page, folder, scheme, width, height, picture)
                    print(picture)
    sys.exit(failed)


main()
