"""Structured logs: one JSON object a line, with the service, the trace and the ids that matter."""

import logging
import sys
from pathlib import Path
from typing import Any

import structlog

from shared.telemetry.rotated_file import RotatedFile
from shared.telemetry.trace import current_trace

Logger = structlog.stdlib.BoundLogger


def _add_trace(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    trace = current_trace.get()
    if trace is not None:
        event.setdefault("trace_id", trace.trace_id)
    return event


def configure_logs(level: str = "INFO", file: Path | None = None) -> None:
    """Send our logs and those of all libraries to standard error or to `file` as JSON lines, from `level` on.

    A file is kept small by rotation and also takes what the process writes to its standard output and error.
    """
    chain: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _add_trace,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*chain, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler: logging.Handler = logging.StreamHandler(sys.stderr) if file is None else RotatedFile(file)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=chain,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("uvicorn.access", "nats", "faststream", "alembic", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def logger(service: str) -> Logger:
    """Return the logger of a service; pass the ids that matter as keyword arguments."""
    bound: Logger = structlog.get_logger(service)
    return bound
