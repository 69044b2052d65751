"""The demo: emulated providers, seeded scenarios through the real SDKs, and a terminal that shows what came of them.

``session`` puts it together; ``emulator`` serves the tests too; ``sdk`` alone imports vendor SDKs, and only when used.
"""
