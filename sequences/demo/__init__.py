"""The demo workspace: everything a new user needs to see the whole loop without an account."""
