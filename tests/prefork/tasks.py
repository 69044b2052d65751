"""A celery app whose task makes one LLM call; its broker is a folder.

What is sent lies in a folder of its own until it is whole and moved: kombu (5.7) reads a message that is being written
as an empty one, and the worker dies of it.
"""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery

from tests.prefork import app

FOLDER = Path(os.environ["PREFORK_FOLDER"])
for name in ("sent", "queue", "done"):
    (FOLDER / name).mkdir(exist_ok=True)

celery = Celery("tasks", broker="filesystem://")
celery.conf.update(
    broker_transport_options={
        "data_folder_in": str(FOLDER / "queue"), "data_folder_out": str(FOLDER / "sent"),
        "control_folder": str(FOLDER / "control"), "polling_interval": 0.02,
    },
    task_ignore_result=True, worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True,
)  # fmt: skip


@celery.task
def work(number: int) -> None:
    app.call()
    (FOLDER / "done" / str(number)).write_text(str(os.getpid()))
