"""The table of every setting for `docs/reference/configuration.md`, made from the settings."""

from halfopen.rollout.fields import Field, in_bytes, plain, tables


def settings_table() -> str:
    """Markdown with a section for each table of the file and a row for each setting."""
    sections = []
    for table in tables():
        rows = "\n".join(_row(field) for field in table.fields)
        head = "| setting | type | default | range | meaning |\n|---|---|---|---|---|"
        sections.append(f"### `[{table.name}]`\n\n{table.text}\n\n{head}\n{rows}\n")
    return "\n".join(sections)


def _row(field: Field) -> str:
    cells = (f"`{field.name}`", field.type, _default(field), field.range, field.text)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: Field) -> str:
    if field.required:
        return "needed"
    if field.inherited:
        return "as in `[defaults]`"
    if field.default is None:
        return ""
    size = f" ({in_bytes(field.default)})" if field.unit == "bytes" else ""
    return f"`{plain(field.default)}`{size}"
