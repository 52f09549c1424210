"""Run the app in this terminal."""

from __future__ import annotations

import os
from pathlib import Path

from icldiag.config import config_path, read_config
from icldiag.model.load import ModelSettings
from icldiag.tui.app import DiagnosisApp
from icldiag.tui.settings import check_settings


def run_app(path: Path, settings: ModelSettings, ascii_only: bool = False) -> int:
    """Run the app until the user leaves; returns the exit code. Raises ConfigError for wrong settings."""
    config = read_config()
    check_settings(config, config_path())
    app = DiagnosisApp(path, settings, ascii_only, config)
    app.run()
    if app.jobs.running:  # a thread inside torch cannot be interrupted, and nothing of it is wanted any more
        os._exit(app.return_code or 0)
    return app.return_code or 0
