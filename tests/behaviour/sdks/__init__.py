"""Rows of the behaviour matrix, a module per SDK; a module is read where its SDK is installed."""
