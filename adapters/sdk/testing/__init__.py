"""What partners are tested with: simulators over real HTTP, faults, planted breaks, and the conformance kit."""
