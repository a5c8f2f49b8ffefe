"""The ground: settings, people, workspaces and the clock. Imports no other app."""
