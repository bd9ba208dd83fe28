"""The way of inputs and results that do not travel on a stream: what lies in the store, and who looks for it."""
