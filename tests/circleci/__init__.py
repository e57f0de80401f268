"""CircleCI: its file read strictly, its jobs run for real, and a stand-in for the few parts of its API in use."""
