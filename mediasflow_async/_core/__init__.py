"""What every call of a session goes through; private."""
