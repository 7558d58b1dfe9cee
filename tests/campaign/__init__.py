"""The fault campaign: thousands of redemptions through real processes, real HTTP and a real database while all breaks.

```
member's apps (driver) --HTTP--> gateway processes (nursery, killer) --HTTP--> partners of every profile (partners)
                                         |
                                  SQLite or PostgreSQL
```

`shapes`: an adapter of each profile A to G over our own contract. `partners`: their simulators in one process, each
with a `storm` of faults. `club`: the configuration. `nursery`: starts gateways by fork, so that a killed one is back
at once; `gateways` speaks to it. `killer`: kills them, at random and at every named crash point. `driver`: members who
redeem, cancel and ask again with the same key, as an app does. `books`: compares what the members paid, what the ledger
says and what the partners granted. `scenes`: one partner dead, all partners out, recovery. `run`: one database from
start to verdict.

Everything that is drawn comes from one seed, which is printed; ``python -m tests.campaign --seed N`` draws the same.
(What the machine's own timing decides is not drawn: the same seed gives the same faults to the same numbers of calls.)
"""
