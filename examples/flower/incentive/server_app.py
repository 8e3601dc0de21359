"""The server: everything is in the run's configuration (``[tool.flwr.app.config]``, or ``flwr run -c``)."""

from imfl.flower import server_app

app = server_app()
