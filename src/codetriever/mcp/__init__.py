"""The Model Context Protocol: the engine as tools for coding agents."""
