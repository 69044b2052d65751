"""The version matrix: the behaviour rows of each client with the oldest and the newest release of each of its majors.

``python -m tests.matrix`` runs all cells, each in an environment of its own, ``--ci`` the oldest and the newest of each
client in few environments; ``--list`` shows them, and names pick some. uv makes the environments. A cell passes if no
test failed and tests of each of its SDKs passed.
"""
