"""What is not about this project's subject: processes, secrets, TLS, waiting.

Everything imports it; it imports nothing of the rest.
"""
