"""Parts that tabs are made of: each file draws one thing and says how to wire it."""
