"""The model checker: every interleaving of one redemption, two workers, an unreliable line and a partner."""
