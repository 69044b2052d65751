"""The version matrix: the behaviour rows of each client with the oldest and the newest release of each of its majors.

``python -m tests.matrix`` runs all cells, ``--ci`` the oldest and the newest of each client, ``--list`` shows them, and
names pick some. Each cell has an environment of its own, made with uv where it is installed and else with venv and pip.
"""
