"""What every program of this kind needs: processes, secrets, errors, TLS, HTTP, waiting.

Everything may import it; it imports nothing of the rest.
"""
