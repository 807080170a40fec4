"""From an exception in an author's code to a Fault: what, where in the author's own file, in a size that travels.

Apart from the loop because a pure function can be asked about every kind of mistake.
"""

import traceback
from pathlib import Path

from stockade_wire.messages import MAX_TRACEBACK_BYTES, Fault

MAX_MESSAGE_BYTES = 900


def describe_fault(error: BaseException, source_folder: Path) -> Fault:
    """Return the fault of an exception; file and line are the innermost ones below `source_folder`."""
    file, line = _find_place(error, source_folder)
    return Fault(
        kind=type(error).__name__[:64],
        message=_keep_start(_describe(error), MAX_MESSAGE_BYTES),
        file=file,
        line=line,
        traceback=_keep_end(_format_traceback(error, source_folder), MAX_TRACEBACK_BYTES),
    )


def plain_fault(kind: str, message: str, file: str | None = None) -> Fault:
    """Return a fault that no line of the author's raised, e.g. a missing file."""
    return Fault(kind, _keep_start(message, MAX_MESSAGE_BYTES), file, None, "")


def _describe(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return error.msg
    return str(error) or type(error).__name__


def _find_place(error: BaseException, source_folder: Path) -> tuple[str | None, int | None]:
    if isinstance(error, SyntaxError) and error.filename and _is_below(error.filename, source_folder):
        return Path(error.filename).relative_to(source_folder).as_posix(), error.lineno
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_below(frame.filename, source_folder):
            return Path(frame.filename).relative_to(source_folder).as_posix(), frame.lineno
    return None, None


def _format_traceback(error: BaseException, source_folder: Path) -> str:
    """Return the traceback from the author's first frame on: what the runner does above it explains nothing.

    An error in the grammar has no frame of the author's, and names its line by itself.
    """
    trace = error.__traceback__
    while trace is not None and not _is_below(trace.tb_frame.f_code.co_filename, source_folder):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))


def _is_below(filename: str, folder: Path) -> bool:
    return Path(filename).is_relative_to(folder)


def _keep_start(text: str, limit: int) -> str:
    return text.encode(errors="replace")[:limit].decode(errors="ignore")


def _keep_end(text: str, limit: int) -> str:
    return text.encode(errors="replace")[-limit:].decode(errors="ignore")
