//! A test issuer, hostile tokens, a clock to move, and servers on port 0.
