"""``gateway demo``: Mr Liu's journey, run for real.

`world` starts simulators and gateway as processes on loopback, `api` speaks to them over HTTP as the member app, the
desk, the CRM and finance do, `journey` goes through the six steps, `night` runs the settlement and reads its files,
`closing` holds what was promised against what is there.
"""
