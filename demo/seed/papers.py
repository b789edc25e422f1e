"""Made-up papers: a page of PDF that says what it is and that it is fictional."""


def paper(title: str, lines: tuple[str, ...]) -> bytes:
    """A one-page PDF with a title and lines of plain Latin text."""
    rows = [f"BT /F1 20 Tf 60 760 Td ({_safe(title)}) Tj ET"]
    rows += [
        f"BT /F1 12 Tf 60 {720 - 22 * number} Td ({_safe(line)}) Tj ET"
        for number, line in enumerate((*lines, "A fictional paper of the Rounds demo."))
    ]
    content = "\n".join(rows).encode("latin-1", "replace")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )
    return bytes(out)


def _safe(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
