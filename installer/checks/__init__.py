"""What can be checked before anything is changed; `preflight` lists all of it and says when each is asked."""
