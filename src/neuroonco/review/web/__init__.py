"""The review room in a browser: pages over a room, and what keeps them safe."""
