-- shared
SELECT
  *
FROM (
  SELECT
    "t4"."reference"
  FROM (
    SELECT
      "t2"."ours_reference" AS "reference",
      COUNT(*) AS "times"
    FROM (
      SELECT
        "t0"."id" AS "ours_id",
        "t0"."reference" AS "ours_reference",
        "t0"."partner_reference" AS "ours_partner_reference",
        "t0"."kind" AS "ours_kind",
        "t0"."member_hash" AS "ours_member_hash",
        "t0"."service_day" AS "ours_service_day",
        "t0"."quantity" AS "ours_quantity",
        "t0"."amount" AS "ours_amount",
        "t0"."currency" AS "ours_currency",
        "t0"."stands" AS "ours_stands",
        TRUE AS "ours_present"
      FROM "ours" AS "t0"
      WHERE
        "t0"."reference" IS NOT NULL
    ) AS "t2"
    GROUP BY
      1
  ) AS "t4"
  WHERE
    "t4"."times" > 1
) AS "t6"
UNION
SELECT
  *
FROM (
  SELECT
    "t5"."reference"
  FROM (
    SELECT
      "t3"."theirs_reference" AS "reference",
      COUNT(*) AS "times"
    FROM (
      SELECT
        "t1"."id" AS "theirs_id",
        "t1"."reference" AS "theirs_reference",
        "t1"."partner_reference" AS "theirs_partner_reference",
        "t1"."kind" AS "theirs_kind",
        "t1"."member_hash" AS "theirs_member_hash",
        "t1"."service_day" AS "theirs_service_day",
        "t1"."quantity" AS "theirs_quantity",
        "t1"."amount" AS "theirs_amount",
        "t1"."currency" AS "theirs_currency",
        "t1"."stands" AS "theirs_stands",
        TRUE AS "theirs_present"
      FROM "theirs" AS "t1"
      WHERE
        "t1"."reference" IS NOT NULL
    ) AS "t3"
    GROUP BY
      1
  ) AS "t5"
  WHERE
    "t5"."times" > 1
) AS "t7";

-- joined
SELECT
  "t10"."ours_id",
  "t10"."ours_reference",
  "t10"."ours_partner_reference",
  "t10"."ours_kind",
  "t10"."ours_member_hash",
  "t10"."ours_service_day",
  "t10"."ours_quantity",
  "t10"."ours_amount",
  "t10"."ours_currency",
  "t10"."ours_stands",
  COALESCE("t10"."ours_present", FALSE) AS "ours_present",
  "t10"."theirs_id",
  "t10"."theirs_reference",
  "t10"."theirs_partner_reference",
  "t10"."theirs_kind",
  "t10"."theirs_member_hash",
  "t10"."theirs_service_day",
  "t10"."theirs_quantity",
  "t10"."theirs_amount",
  "t10"."theirs_currency",
  "t10"."theirs_stands",
  COALESCE("t10"."theirs_present", FALSE) AS "theirs_present"
FROM (
  SELECT
    "t6"."ours_id",
    "t6"."ours_reference",
    "t6"."ours_partner_reference",
    "t6"."ours_kind",
    "t6"."ours_member_hash",
    "t6"."ours_service_day",
    "t6"."ours_quantity",
    "t6"."ours_amount",
    "t6"."ours_currency",
    "t6"."ours_stands",
    "t6"."ours_present",
    "t9"."theirs_id",
    "t9"."theirs_reference",
    "t9"."theirs_partner_reference",
    "t9"."theirs_kind",
    "t9"."theirs_member_hash",
    "t9"."theirs_service_day",
    "t9"."theirs_quantity",
    "t9"."theirs_amount",
    "t9"."theirs_currency",
    "t9"."theirs_stands",
    "t9"."theirs_present"
  FROM (
    SELECT
      "t0"."id" AS "ours_id",
      "t0"."reference" AS "ours_reference",
      "t0"."partner_reference" AS "ours_partner_reference",
      "t0"."kind" AS "ours_kind",
      "t0"."member_hash" AS "ours_member_hash",
      "t0"."service_day" AS "ours_service_day",
      "t0"."quantity" AS "ours_quantity",
      "t0"."amount" AS "ours_amount",
      "t0"."currency" AS "ours_currency",
      "t0"."stands" AS "ours_stands",
      TRUE AS "ours_present"
    FROM "ours" AS "t0"
  ) AS "t6"
  ANTI JOIN "shared" AS "t3"
    ON "t6"."ours_reference" = "t3"."reference"
  FULL OUTER JOIN (
    SELECT
      "t7"."theirs_id",
      "t7"."theirs_reference",
      "t7"."theirs_partner_reference",
      "t7"."theirs_kind",
      "t7"."theirs_member_hash",
      "t7"."theirs_service_day",
      "t7"."theirs_quantity",
      "t7"."theirs_amount",
      "t7"."theirs_currency",
      "t7"."theirs_stands",
      "t7"."theirs_present"
    FROM (
      SELECT
        "t2"."id" AS "theirs_id",
        "t2"."reference" AS "theirs_reference",
        "t2"."partner_reference" AS "theirs_partner_reference",
        "t2"."kind" AS "theirs_kind",
        "t2"."member_hash" AS "theirs_member_hash",
        "t2"."service_day" AS "theirs_service_day",
        "t2"."quantity" AS "theirs_quantity",
        "t2"."amount" AS "theirs_amount",
        "t2"."currency" AS "theirs_currency",
        "t2"."stands" AS "theirs_stands",
        TRUE AS "theirs_present"
      FROM "theirs" AS "t2"
    ) AS "t7"
    ANTI JOIN "shared" AS "t3"
      ON "t7"."theirs_reference" = "t3"."reference"
  ) AS "t9"
    ON "t6"."ours_reference" = "t9"."theirs_reference"
) AS "t10";

-- group_ours
SELECT
  "t5"."ours_id",
  "t5"."ours_reference",
  "t5"."ours_partner_reference",
  "t5"."ours_kind",
  "t5"."ours_member_hash",
  "t5"."ours_service_day",
  "t5"."ours_quantity",
  "t5"."ours_amount",
  "t5"."ours_currency",
  "t5"."ours_stands",
  "t5"."ours_present",
  (
    ROW_NUMBER() OVER (
      PARTITION BY "t5"."ours_reference", "t5"."ours_amount", "t5"."ours_currency", "t5"."ours_quantity", "t5"."ours_service_day", "t5"."ours_stands"
      ORDER BY "t5"."ours_id" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) - 1
  ) + 1 AS "ours_rank"
FROM (
  SELECT
    "t4"."ours_id",
    "t4"."ours_reference",
    "t4"."ours_partner_reference",
    "t4"."ours_kind",
    "t4"."ours_member_hash",
    "t4"."ours_service_day",
    "t4"."ours_quantity",
    "t4"."ours_amount",
    "t4"."ours_currency",
    "t4"."ours_stands",
    "t4"."ours_present"
  FROM (
    SELECT
      "t0"."id" AS "ours_id",
      "t0"."reference" AS "ours_reference",
      "t0"."partner_reference" AS "ours_partner_reference",
      "t0"."kind" AS "ours_kind",
      "t0"."member_hash" AS "ours_member_hash",
      "t0"."service_day" AS "ours_service_day",
      "t0"."quantity" AS "ours_quantity",
      "t0"."amount" AS "ours_amount",
      "t0"."currency" AS "ours_currency",
      "t0"."stands" AS "ours_stands",
      TRUE AS "ours_present"
    FROM "ours" AS "t0"
  ) AS "t4"
  SEMI JOIN "shared" AS "t2"
    ON "t4"."ours_reference" = "t2"."reference"
) AS "t5";

-- group_theirs
SELECT
  "t5"."theirs_id",
  "t5"."theirs_reference",
  "t5"."theirs_partner_reference",
  "t5"."theirs_kind",
  "t5"."theirs_member_hash",
  "t5"."theirs_service_day",
  "t5"."theirs_quantity",
  "t5"."theirs_amount",
  "t5"."theirs_currency",
  "t5"."theirs_stands",
  "t5"."theirs_present",
  (
    ROW_NUMBER() OVER (
      PARTITION BY "t5"."theirs_reference", "t5"."theirs_amount", "t5"."theirs_currency", "t5"."theirs_quantity", "t5"."theirs_service_day", "t5"."theirs_stands"
      ORDER BY "t5"."theirs_id" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) - 1
  ) + 1 AS "theirs_rank"
FROM (
  SELECT
    "t4"."theirs_id",
    "t4"."theirs_reference",
    "t4"."theirs_partner_reference",
    "t4"."theirs_kind",
    "t4"."theirs_member_hash",
    "t4"."theirs_service_day",
    "t4"."theirs_quantity",
    "t4"."theirs_amount",
    "t4"."theirs_currency",
    "t4"."theirs_stands",
    "t4"."theirs_present"
  FROM (
    SELECT
      "t0"."id" AS "theirs_id",
      "t0"."reference" AS "theirs_reference",
      "t0"."partner_reference" AS "theirs_partner_reference",
      "t0"."kind" AS "theirs_kind",
      "t0"."member_hash" AS "theirs_member_hash",
      "t0"."service_day" AS "theirs_service_day",
      "t0"."quantity" AS "theirs_quantity",
      "t0"."amount" AS "theirs_amount",
      "t0"."currency" AS "theirs_currency",
      "t0"."stands" AS "theirs_stands",
      TRUE AS "theirs_present"
    FROM "theirs" AS "t0"
  ) AS "t4"
  SEMI JOIN "shared" AS "t2"
    ON "t4"."theirs_reference" = "t2"."reference"
) AS "t5";

-- group_equal
SELECT
  "t2"."ours_id",
  "t2"."ours_reference",
  "t2"."ours_partner_reference",
  "t2"."ours_kind",
  "t2"."ours_member_hash",
  "t2"."ours_service_day",
  "t2"."ours_quantity",
  "t2"."ours_amount",
  "t2"."ours_currency",
  "t2"."ours_stands",
  "t2"."ours_present",
  "t2"."ours_rank",
  "t3"."theirs_id",
  "t3"."theirs_reference",
  "t3"."theirs_partner_reference",
  "t3"."theirs_kind",
  "t3"."theirs_member_hash",
  "t3"."theirs_service_day",
  "t3"."theirs_quantity",
  "t3"."theirs_amount",
  "t3"."theirs_currency",
  "t3"."theirs_stands",
  "t3"."theirs_present",
  "t3"."theirs_rank"
FROM "group_ours" AS "t2"
INNER JOIN "group_theirs" AS "t3"
  ON "t2"."ours_reference" = "t3"."theirs_reference"
  AND "t2"."ours_rank" = "t3"."theirs_rank"
  AND "t2"."ours_amount" IS NOT DISTINCT FROM "t3"."theirs_amount"
  AND "t2"."ours_currency" IS NOT DISTINCT FROM "t3"."theirs_currency"
  AND "t2"."ours_quantity" IS NOT DISTINCT FROM "t3"."theirs_quantity"
  AND "t2"."ours_service_day" IS NOT DISTINCT FROM "t3"."theirs_service_day"
  AND "t2"."ours_stands" IS NOT DISTINCT FROM "t3"."theirs_stands";

-- group_left_ours
SELECT
  "t2"."ours_id",
  "t2"."ours_reference",
  "t2"."ours_partner_reference",
  "t2"."ours_kind",
  "t2"."ours_member_hash",
  "t2"."ours_service_day",
  "t2"."ours_quantity",
  "t2"."ours_amount",
  "t2"."ours_currency",
  "t2"."ours_stands",
  "t2"."ours_present",
  "t2"."ours_rank"
FROM "group_ours" AS "t2"
ANTI JOIN "group_equal" AS "t3"
  ON "t2"."ours_id" = "t3"."ours_id";

-- group_left_theirs
SELECT
  "t2"."theirs_id",
  "t2"."theirs_reference",
  "t2"."theirs_partner_reference",
  "t2"."theirs_kind",
  "t2"."theirs_member_hash",
  "t2"."theirs_service_day",
  "t2"."theirs_quantity",
  "t2"."theirs_amount",
  "t2"."theirs_currency",
  "t2"."theirs_stands",
  "t2"."theirs_present",
  "t2"."theirs_rank"
FROM "group_theirs" AS "t2"
ANTI JOIN "group_equal" AS "t3"
  ON "t2"."theirs_id" = "t3"."theirs_id";

-- group_sums
SELECT
  "t5"."reference",
  "t5"."ours_count",
  "t5"."theirs_count",
  (
    "t5"."ours_count" > 0
  )
  AND (
    (
      "t5"."theirs_count" > 0
    )
    OR (
      (
        "t5"."theirs_count" = 0
      ) AND (
        "t5"."priced" > 0
      )
    )
  )
  AND COALESCE("t5"."first_currency" = "t5"."last_currency", TRUE)
  AND (
    (
      "t5"."balance" = 0
    )
    AND (
      (
        "t5"."priced" > 0
      ) OR (
        "t5"."usage" = 0
      )
    )
  )
  AND (
    "t5"."unclear" = 0
  ) AS "agrees"
FROM (
  SELECT
    "t4"."reference",
    SUM("t4"."ours") AS "ours_count",
    SUM(1 - "t4"."ours") AS "theirs_count",
    SUM("t4"."due") AS "balance",
    COUNT("t4"."currency") AS "priced",
    SUM("t4"."used") AS "usage",
    MIN("t4"."currency") AS "first_currency",
    MAX("t4"."currency") AS "last_currency",
    SUM("t4"."unclear") AS "unclear"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t0"."ours_reference" AS "reference",
        1 AS "ours",
        COALESCE("t0"."ours_amount", 0) * (
          CAST(COALESCE("t0"."ours_stands", FALSE) AS BIGINT) * 1
        ) AS "due",
        COALESCE("t0"."ours_quantity", 0) * (
          CAST(COALESCE("t0"."ours_stands", FALSE) AS BIGINT) * 1
        ) AS "used",
        "t0"."ours_currency" AS "currency",
        CAST("t0"."ours_stands" IS NULL AS BIGINT) AS "unclear"
      FROM "group_left_ours" AS "t0"
    ) AS "t2"
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        "t1"."theirs_reference" AS "reference",
        0 AS "ours",
        COALESCE("t1"."theirs_amount", 0) * (
          CAST(COALESCE("t1"."theirs_stands", FALSE) AS BIGINT) * -1
        ) AS "due",
        COALESCE("t1"."theirs_quantity", 0) * (
          CAST(COALESCE("t1"."theirs_stands", FALSE) AS BIGINT) * -1
        ) AS "used",
        "t1"."theirs_currency" AS "currency",
        CAST("t1"."theirs_stands" IS NULL AS BIGINT) AS "unclear"
      FROM "group_left_theirs" AS "t1"
    ) AS "t3"
  ) AS "t4"
  GROUP BY
    1
) AS "t5";

-- group_copies
SELECT
  "t4"."theirs_id",
  "t4"."theirs_reference",
  "t4"."theirs_partner_reference",
  "t4"."theirs_kind",
  "t4"."theirs_member_hash",
  "t4"."theirs_service_day",
  "t4"."theirs_quantity",
  "t4"."theirs_amount",
  "t4"."theirs_currency",
  "t4"."theirs_stands",
  "t4"."theirs_present",
  "t4"."theirs_rank"
FROM (
  SELECT
    *
  FROM "group_left_theirs" AS "t0"
  WHERE
    "t0"."theirs_rank" > 1
) AS "t4"
SEMI JOIN (
  SELECT
    *
  FROM "group_sums" AS "t1"
  WHERE
    NOT (
      "t1"."agrees"
    )
) AS "t5"
  ON "t4"."theirs_reference" = "t5"."reference";

-- group_recounted
SELECT
  "t13"."reference",
  "t13"."ours_count",
  "t13"."theirs_count",
  "t13"."agrees"
FROM (
  SELECT
    "t11"."reference",
    "t11"."ours_count",
    "t11"."theirs_count",
    (
      "t11"."ours_count" > 0
    )
    AND (
      (
        "t11"."theirs_count" > 0
      )
      OR (
        (
          "t11"."theirs_count" = 0
        ) AND (
          "t11"."priced" > 0
        )
      )
    )
    AND COALESCE("t11"."first_currency" = "t11"."last_currency", TRUE)
    AND (
      (
        "t11"."balance" = 0
      )
      AND (
        (
          "t11"."priced" > 0
        ) OR (
          "t11"."usage" = 0
        )
      )
    )
    AND (
      "t11"."unclear" = 0
    ) AS "agrees"
  FROM (
    SELECT
      "t10"."reference",
      SUM("t10"."ours") AS "ours_count",
      SUM(1 - "t10"."ours") AS "theirs_count",
      SUM("t10"."due") AS "balance",
      COUNT("t10"."currency") AS "priced",
      SUM("t10"."used") AS "usage",
      MIN("t10"."currency") AS "first_currency",
      MAX("t10"."currency") AS "last_currency",
      SUM("t10"."unclear") AS "unclear"
    FROM (
      SELECT
        *
      FROM (
        SELECT
          "t1"."ours_reference" AS "reference",
          1 AS "ours",
          COALESCE("t1"."ours_amount", 0) * (
            CAST(COALESCE("t1"."ours_stands", FALSE) AS BIGINT) * 1
          ) AS "due",
          COALESCE("t1"."ours_quantity", 0) * (
            CAST(COALESCE("t1"."ours_stands", FALSE) AS BIGINT) * 1
          ) AS "used",
          "t1"."ours_currency" AS "currency",
          CAST("t1"."ours_stands" IS NULL AS BIGINT) AS "unclear"
        FROM "group_left_ours" AS "t1"
      ) AS "t8"
      UNION ALL
      SELECT
        *
      FROM (
        SELECT
          "t4"."theirs_reference" AS "reference",
          0 AS "ours",
          COALESCE("t4"."theirs_amount", 0) * (
            CAST(COALESCE("t4"."theirs_stands", FALSE) AS BIGINT) * -1
          ) AS "due",
          COALESCE("t4"."theirs_quantity", 0) * (
            CAST(COALESCE("t4"."theirs_stands", FALSE) AS BIGINT) * -1
          ) AS "used",
          "t4"."theirs_currency" AS "currency",
          CAST("t4"."theirs_stands" IS NULL AS BIGINT) AS "unclear"
        FROM "group_left_theirs" AS "t4"
        ANTI JOIN "group_copies" AS "t5"
          ON "t4"."theirs_id" = "t5"."theirs_id"
      ) AS "t9"
    ) AS "t10"
    GROUP BY
      1
  ) AS "t11"
) AS "t13"
SEMI JOIN (
  SELECT
    *
  FROM "group_sums" AS "t0"
  WHERE
    NOT (
      "t0"."agrees"
    )
) AS "t7"
  ON "t13"."reference" = "t7"."reference";

-- rest_ours
SELECT
  *
FROM (
  SELECT
    "t0"."ours_id",
    "t0"."ours_reference",
    "t0"."ours_partner_reference",
    "t0"."ours_kind",
    "t0"."ours_member_hash",
    "t0"."ours_service_day",
    "t0"."ours_quantity",
    "t0"."ours_amount",
    "t0"."ours_currency",
    "t0"."ours_stands",
    "t0"."ours_present"
  FROM "joined" AS "t0"
  WHERE
    NOT (
      "t0"."theirs_present"
    )
) AS "t6"
UNION ALL
SELECT
  *
FROM (
  SELECT
    "t4"."ours_id",
    "t4"."ours_reference",
    "t4"."ours_partner_reference",
    "t4"."ours_kind",
    "t4"."ours_member_hash",
    "t4"."ours_service_day",
    "t4"."ours_quantity",
    "t4"."ours_amount",
    "t4"."ours_currency",
    "t4"."ours_stands",
    "t4"."ours_present"
  FROM "group_left_ours" AS "t4"
  ANTI JOIN (
    SELECT
      *
    FROM (
      SELECT
        "t2"."reference"
      FROM "group_sums" AS "t2"
      WHERE
        "t2"."agrees"
    ) AS "t5"
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        "t3"."reference"
      FROM "group_recounted" AS "t3"
      WHERE
        "t3"."ours_count" > 0 AND "t3"."theirs_count" > 0
    ) AS "t7"
  ) AS "t9"
    ON "t4"."ours_reference" = "t9"."reference"
) AS "t10";

-- rest_theirs
SELECT
  *
FROM (
  SELECT
    "t0"."theirs_id",
    "t0"."theirs_reference",
    "t0"."theirs_partner_reference",
    "t0"."theirs_kind",
    "t0"."theirs_member_hash",
    "t0"."theirs_service_day",
    "t0"."theirs_quantity",
    "t0"."theirs_amount",
    "t0"."theirs_currency",
    "t0"."theirs_stands",
    "t0"."theirs_present"
  FROM "joined" AS "t0"
  WHERE
    NOT (
      "t0"."ours_present"
    )
) AS "t8"
UNION ALL
SELECT
  *
FROM (
  SELECT
    "t5"."theirs_id",
    "t5"."theirs_reference",
    "t5"."theirs_partner_reference",
    "t5"."theirs_kind",
    "t5"."theirs_member_hash",
    "t5"."theirs_service_day",
    "t5"."theirs_quantity",
    "t5"."theirs_amount",
    "t5"."theirs_currency",
    "t5"."theirs_stands",
    "t5"."theirs_present"
  FROM "group_left_theirs" AS "t5"
  ANTI JOIN "group_copies" AS "t6"
    ON "t5"."theirs_id" = "t6"."theirs_id"
  ANTI JOIN (
    SELECT
      *
    FROM (
      SELECT
        "t3"."reference"
      FROM "group_sums" AS "t3"
      WHERE
        "t3"."agrees"
    ) AS "t7"
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        "t4"."reference"
      FROM "group_recounted" AS "t4"
      WHERE
        "t4"."ours_count" > 0 AND "t4"."theirs_count" > 0
    ) AS "t9"
  ) AS "t11"
    ON "t5"."theirs_reference" = "t11"."reference"
) AS "t12";

-- found_normalised
WITH "t2" AS (
  SELECT
    "t0"."ours_id",
    "t0"."ours_reference",
    "t0"."ours_partner_reference",
    "t0"."ours_kind",
    "t0"."ours_member_hash",
    "t0"."ours_service_day",
    "t0"."ours_quantity",
    "t0"."ours_amount",
    "t0"."ours_currency",
    "t0"."ours_stands",
    "t0"."ours_present",
    NULLIF(
      REGEXP_REPLACE(REGEXP_REPLACE(UPPER("t0"."ours_reference"), '[^0-9A-Z]', '', 'g'), '^(PBG)', '', 'g'),
      ''
    ) AS "ours_key"
  FROM "rest_ours" AS "t0"
), "t3" AS (
  SELECT
    "t1"."theirs_id",
    "t1"."theirs_reference",
    "t1"."theirs_partner_reference",
    "t1"."theirs_kind",
    "t1"."theirs_member_hash",
    "t1"."theirs_service_day",
    "t1"."theirs_quantity",
    "t1"."theirs_amount",
    "t1"."theirs_currency",
    "t1"."theirs_stands",
    "t1"."theirs_present",
    NULLIF(
      REGEXP_REPLACE(
        REGEXP_REPLACE(UPPER("t1"."theirs_reference"), '[^0-9A-Z]', '', 'g'),
        '^(PBG)',
        '',
        'g'
      ),
      ''
    ) AS "theirs_key"
  FROM "rest_theirs" AS "t1"
)
SELECT
  "t6"."ours_id",
  "t6"."ours_reference",
  "t6"."ours_partner_reference",
  "t6"."ours_kind",
  "t6"."ours_member_hash",
  "t6"."ours_service_day",
  "t6"."ours_quantity",
  "t6"."ours_amount",
  "t6"."ours_currency",
  "t6"."ours_stands",
  "t6"."ours_present",
  "t6"."ours_key",
  "t15"."theirs_id",
  "t15"."theirs_reference",
  "t15"."theirs_partner_reference",
  "t15"."theirs_kind",
  "t15"."theirs_member_hash",
  "t15"."theirs_service_day",
  "t15"."theirs_quantity",
  "t15"."theirs_amount",
  "t15"."theirs_currency",
  "t15"."theirs_stands",
  "t15"."theirs_present",
  "t15"."theirs_key"
FROM "t2" AS "t6"
SEMI JOIN (
  SELECT
    *
  FROM (
    SELECT
      "t4"."ours_key",
      COUNT(*) AS "times"
    FROM "t2" AS "t4"
    GROUP BY
      1
  ) AS "t8"
  WHERE
    "t8"."times" = 1
) AS "t12"
  ON "t6"."ours_key" = "t12"."ours_key"
INNER JOIN (
  SELECT
    "t7"."theirs_id",
    "t7"."theirs_reference",
    "t7"."theirs_partner_reference",
    "t7"."theirs_kind",
    "t7"."theirs_member_hash",
    "t7"."theirs_service_day",
    "t7"."theirs_quantity",
    "t7"."theirs_amount",
    "t7"."theirs_currency",
    "t7"."theirs_stands",
    "t7"."theirs_present",
    "t7"."theirs_key"
  FROM "t3" AS "t7"
  SEMI JOIN (
    SELECT
      *
    FROM (
      SELECT
        "t5"."theirs_key",
        COUNT(*) AS "times"
      FROM "t3" AS "t5"
      GROUP BY
        1
    ) AS "t9"
    WHERE
      "t9"."times" = 1
  ) AS "t13"
    ON "t7"."theirs_key" = "t13"."theirs_key"
) AS "t15"
  ON "t6"."ours_key" = "t15"."theirs_key";

-- found_partner_key
WITH "t8" AS (
  SELECT
    "t6"."ours_id",
    "t6"."ours_reference",
    "t6"."ours_partner_reference",
    "t6"."ours_kind",
    "t6"."ours_member_hash",
    "t6"."ours_service_day",
    "t6"."ours_quantity",
    "t6"."ours_amount",
    "t6"."ours_currency",
    "t6"."ours_stands",
    "t6"."ours_present",
    NULLIF(
      REGEXP_REPLACE(
        REGEXP_REPLACE(UPPER("t6"."ours_partner_reference"), '[^0-9A-Z]', '', 'g'),
        '^(PBG)',
        '',
        'g'
      ),
      ''
    ) AS "ours_key"
  FROM (
    SELECT
      "t3"."ours_id",
      "t3"."ours_reference",
      "t3"."ours_partner_reference",
      "t3"."ours_kind",
      "t3"."ours_member_hash",
      "t3"."ours_service_day",
      "t3"."ours_quantity",
      "t3"."ours_amount",
      "t3"."ours_currency",
      "t3"."ours_stands",
      "t3"."ours_present"
    FROM "rest_ours" AS "t3"
    ANTI JOIN "found_normalised" AS "t4"
      ON "t3"."ours_id" = "t4"."ours_id"
  ) AS "t6"
), "t9" AS (
  SELECT
    "t7"."theirs_id",
    "t7"."theirs_reference",
    "t7"."theirs_partner_reference",
    "t7"."theirs_kind",
    "t7"."theirs_member_hash",
    "t7"."theirs_service_day",
    "t7"."theirs_quantity",
    "t7"."theirs_amount",
    "t7"."theirs_currency",
    "t7"."theirs_stands",
    "t7"."theirs_present",
    NULLIF(
      REGEXP_REPLACE(
        REGEXP_REPLACE(UPPER("t7"."theirs_partner_reference"), '[^0-9A-Z]', '', 'g'),
        '^(PBG)',
        '',
        'g'
      ),
      ''
    ) AS "theirs_key"
  FROM (
    SELECT
      "t5"."theirs_id",
      "t5"."theirs_reference",
      "t5"."theirs_partner_reference",
      "t5"."theirs_kind",
      "t5"."theirs_member_hash",
      "t5"."theirs_service_day",
      "t5"."theirs_quantity",
      "t5"."theirs_amount",
      "t5"."theirs_currency",
      "t5"."theirs_stands",
      "t5"."theirs_present"
    FROM "rest_theirs" AS "t5"
    ANTI JOIN "found_normalised" AS "t4"
      ON "t5"."theirs_id" = "t4"."theirs_id"
  ) AS "t7"
)
SELECT
  "t12"."ours_id",
  "t12"."ours_reference",
  "t12"."ours_partner_reference",
  "t12"."ours_kind",
  "t12"."ours_member_hash",
  "t12"."ours_service_day",
  "t12"."ours_quantity",
  "t12"."ours_amount",
  "t12"."ours_currency",
  "t12"."ours_stands",
  "t12"."ours_present",
  "t12"."ours_key",
  "t21"."theirs_id",
  "t21"."theirs_reference",
  "t21"."theirs_partner_reference",
  "t21"."theirs_kind",
  "t21"."theirs_member_hash",
  "t21"."theirs_service_day",
  "t21"."theirs_quantity",
  "t21"."theirs_amount",
  "t21"."theirs_currency",
  "t21"."theirs_stands",
  "t21"."theirs_present",
  "t21"."theirs_key"
FROM "t8" AS "t12"
SEMI JOIN (
  SELECT
    *
  FROM (
    SELECT
      "t10"."ours_key",
      COUNT(*) AS "times"
    FROM "t8" AS "t10"
    GROUP BY
      1
  ) AS "t14"
  WHERE
    "t14"."times" = 1
) AS "t18"
  ON "t12"."ours_key" = "t18"."ours_key"
INNER JOIN (
  SELECT
    "t13"."theirs_id",
    "t13"."theirs_reference",
    "t13"."theirs_partner_reference",
    "t13"."theirs_kind",
    "t13"."theirs_member_hash",
    "t13"."theirs_service_day",
    "t13"."theirs_quantity",
    "t13"."theirs_amount",
    "t13"."theirs_currency",
    "t13"."theirs_stands",
    "t13"."theirs_present",
    "t13"."theirs_key"
  FROM "t9" AS "t13"
  SEMI JOIN (
    SELECT
      *
    FROM (
      SELECT
        "t11"."theirs_key",
        COUNT(*) AS "times"
      FROM "t9" AS "t11"
      GROUP BY
        1
    ) AS "t15"
    WHERE
      "t15"."times" = 1
  ) AS "t19"
    ON "t13"."theirs_key" = "t19"."theirs_key"
) AS "t21"
  ON "t12"."ours_key" = "t21"."theirs_key";

-- found_attributes
WITH "t10" AS (
  SELECT
    "t4"."ours_id",
    "t4"."ours_reference",
    "t4"."ours_partner_reference",
    "t4"."ours_kind",
    "t4"."ours_member_hash",
    "t4"."ours_service_day",
    "t4"."ours_quantity",
    "t4"."ours_amount",
    "t4"."ours_currency",
    "t4"."ours_stands",
    "t4"."ours_present",
    "t9"."theirs_id",
    "t9"."theirs_reference",
    "t9"."theirs_partner_reference",
    "t9"."theirs_kind",
    "t9"."theirs_member_hash",
    "t9"."theirs_service_day",
    "t9"."theirs_quantity",
    "t9"."theirs_amount",
    "t9"."theirs_currency",
    "t9"."theirs_stands",
    "t9"."theirs_present"
  FROM "rest_ours" AS "t4"
  ANTI JOIN "found_normalised" AS "t5"
    ON "t4"."ours_id" = "t5"."ours_id"
  ANTI JOIN "found_partner_key" AS "t6"
    ON "t4"."ours_id" = "t6"."ours_id"
  INNER JOIN (
    SELECT
      "t7"."theirs_id",
      "t7"."theirs_reference",
      "t7"."theirs_partner_reference",
      "t7"."theirs_kind",
      "t7"."theirs_member_hash",
      "t7"."theirs_service_day",
      "t7"."theirs_quantity",
      "t7"."theirs_amount",
      "t7"."theirs_currency",
      "t7"."theirs_stands",
      "t7"."theirs_present"
    FROM "rest_theirs" AS "t7"
    ANTI JOIN "found_normalised" AS "t5"
      ON "t7"."theirs_id" = "t5"."theirs_id"
    ANTI JOIN "found_partner_key" AS "t6"
      ON "t7"."theirs_id" = "t6"."theirs_id"
  ) AS "t9"
    ON "t4"."ours_member_hash" = "t9"."theirs_member_hash"
    AND "t4"."ours_kind" = "t9"."theirs_kind"
    AND "t4"."ours_currency" IS NOT DISTINCT FROM "t9"."theirs_currency"
    AND ABS("t4"."ours_service_day" - "t9"."theirs_service_day") <= 1
    AND ABS(COALESCE("t4"."ours_amount", 0) - COALESCE("t9"."theirs_amount", 0)) <= 1
    AND (
      (
        "t4"."ours_reference" IS NULL
      ) OR (
        "t9"."theirs_reference" IS NULL
      )
    )
)
SELECT
  "t4"."ours_id",
  "t4"."ours_reference",
  "t4"."ours_partner_reference",
  "t4"."ours_kind",
  "t4"."ours_member_hash",
  "t4"."ours_service_day",
  "t4"."ours_quantity",
  "t4"."ours_amount",
  "t4"."ours_currency",
  "t4"."ours_stands",
  "t4"."ours_present",
  "t9"."theirs_id",
  "t9"."theirs_reference",
  "t9"."theirs_partner_reference",
  "t9"."theirs_kind",
  "t9"."theirs_member_hash",
  "t9"."theirs_service_day",
  "t9"."theirs_quantity",
  "t9"."theirs_amount",
  "t9"."theirs_currency",
  "t9"."theirs_stands",
  "t9"."theirs_present"
FROM "rest_ours" AS "t4"
ANTI JOIN "found_normalised" AS "t5"
  ON "t4"."ours_id" = "t5"."ours_id"
ANTI JOIN "found_partner_key" AS "t6"
  ON "t4"."ours_id" = "t6"."ours_id"
INNER JOIN (
  SELECT
    "t7"."theirs_id",
    "t7"."theirs_reference",
    "t7"."theirs_partner_reference",
    "t7"."theirs_kind",
    "t7"."theirs_member_hash",
    "t7"."theirs_service_day",
    "t7"."theirs_quantity",
    "t7"."theirs_amount",
    "t7"."theirs_currency",
    "t7"."theirs_stands",
    "t7"."theirs_present"
  FROM "rest_theirs" AS "t7"
  ANTI JOIN "found_normalised" AS "t5"
    ON "t7"."theirs_id" = "t5"."theirs_id"
  ANTI JOIN "found_partner_key" AS "t6"
    ON "t7"."theirs_id" = "t6"."theirs_id"
) AS "t9"
  ON "t4"."ours_member_hash" = "t9"."theirs_member_hash"
  AND "t4"."ours_kind" = "t9"."theirs_kind"
  AND "t4"."ours_currency" IS NOT DISTINCT FROM "t9"."theirs_currency"
  AND ABS("t4"."ours_service_day" - "t9"."theirs_service_day") <= 1
  AND ABS(COALESCE("t4"."ours_amount", 0) - COALESCE("t9"."theirs_amount", 0)) <= 1
  AND (
    (
      "t4"."ours_reference" IS NULL
    ) OR (
      "t9"."theirs_reference" IS NULL
    )
  )
SEMI JOIN (
  SELECT
    *
  FROM (
    SELECT
      "t11"."ours_id",
      COUNT(*) AS "times"
    FROM "t10" AS "t11"
    GROUP BY
      1
  ) AS "t12"
  WHERE
    "t12"."times" = 1
) AS "t16"
  ON "t4"."ours_id" = "t16"."ours_id"
SEMI JOIN (
  SELECT
    *
  FROM (
    SELECT
      "t11"."theirs_id",
      COUNT(*) AS "times"
    FROM "t10" AS "t11"
    GROUP BY
      1
  ) AS "t13"
  WHERE
    "t13"."times" = 1
) AS "t17"
  ON "t9"."theirs_id" = "t17"."theirs_id";

-- result
WITH "t24" AS (
  SELECT
    *
  FROM "group_recounted" AS "t10"
  WHERE
    "t10"."ours_count" > 0
    AND "t10"."theirs_count" > 0
    AND (
      (
        "t10"."ours_count" > 1
      ) OR (
        "t10"."theirs_count" > 1
      )
    )
), "t26" AS (
  SELECT
    "t13"."theirs_id",
    "t13"."theirs_reference",
    "t13"."theirs_partner_reference",
    "t13"."theirs_kind",
    "t13"."theirs_member_hash",
    "t13"."theirs_service_day",
    "t13"."theirs_quantity",
    "t13"."theirs_amount",
    "t13"."theirs_currency",
    "t13"."theirs_stands",
    "t13"."theirs_present"
  FROM "rest_theirs" AS "t13"
  ANTI JOIN "found_normalised" AS "t16"
    ON "t13"."theirs_id" = "t16"."theirs_id"
  ANTI JOIN "found_partner_key" AS "t14"
    ON "t13"."theirs_id" = "t14"."theirs_id"
  ANTI JOIN "found_attributes" AS "t12"
    ON "t13"."theirs_id" = "t12"."theirs_id"
)
SELECT
  *
FROM (
  SELECT
    *
  FROM (
    SELECT
      *
    FROM (
      SELECT
        *
      FROM (
        SELECT
          *
        FROM (
          SELECT
            *
          FROM (
            SELECT
              *
            FROM (
              SELECT
                COALESCE("t5"."ours_id", "t5"."theirs_id") AS "record",
                "t5"."ours_id",
                "t5"."theirs_id",
                CASE
                  WHEN NOT (
                    "t5"."ours_stands" IS NOT DISTINCT FROM "t5"."theirs_stands"
                  )
                  THEN 'status'
                  WHEN COALESCE("t5"."ours_currency" <> "t5"."theirs_currency", FALSE)
                  THEN 'currency'
                  WHEN (
                    COALESCE(ABS("t5"."ours_amount" - "t5"."theirs_amount") > 1, FALSE)
                    OR (
                      (
                        "t5"."ours_amount" IS NULL
                      ) <> (
                        "t5"."theirs_amount" IS NULL
                      )
                    )
                  )
                  AND (
                    "t5"."ours_kind" IN ('conversion')
                    AND "t5"."ours_quantity" IS NOT DISTINCT FROM "t5"."theirs_quantity"
                  )
                  THEN 'rate'
                  WHEN COALESCE(ABS("t5"."ours_amount" - "t5"."theirs_amount") > 1, FALSE)
                  OR (
                    (
                      "t5"."ours_amount" IS NULL
                    ) <> (
                      "t5"."theirs_amount" IS NULL
                    )
                  )
                  OR NOT (
                    "t5"."ours_quantity" IS NOT DISTINCT FROM "t5"."theirs_quantity"
                  )
                  THEN 'amount'
                  WHEN ABS("t5"."ours_service_day" - "t5"."theirs_service_day") > 0
                  THEN 'date'
                  ELSE 'matched'
                END AS "outcome",
                'reference' AS "pass_name",
                CAST(NULL AS TEXT) AS "group_reference",
                COALESCE("t5"."ours_reference", "t5"."theirs_reference") AS "reference",
                "t5"."ours_amount",
                "t5"."ours_currency",
                "t5"."ours_quantity",
                "t5"."ours_service_day",
                "t5"."ours_stands",
                "t5"."theirs_amount",
                "t5"."theirs_currency",
                "t5"."theirs_quantity",
                "t5"."theirs_service_day",
                "t5"."theirs_stands"
              FROM "joined" AS "t5"
              WHERE
                "t5"."ours_present" AND "t5"."theirs_present"
            ) AS "t41"
            UNION ALL
            SELECT
              *
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  *
                FROM (
                  SELECT
                    *
                  FROM (
                    SELECT
                      *
                    FROM (
                      SELECT
                        *
                      FROM (
                        SELECT
                          *
                        FROM (
                          SELECT
                            COALESCE("t9"."ours_id", "t9"."theirs_id") AS "record",
                            "t9"."ours_id",
                            "t9"."theirs_id",
                            CASE
                              WHEN NOT (
                                "t9"."ours_stands" IS NOT DISTINCT FROM "t9"."theirs_stands"
                              )
                              THEN 'status'
                              WHEN COALESCE("t9"."ours_currency" <> "t9"."theirs_currency", FALSE)
                              THEN 'currency'
                              WHEN (
                                COALESCE(ABS("t9"."ours_amount" - "t9"."theirs_amount") > 1, FALSE)
                                OR (
                                  (
                                    "t9"."ours_amount" IS NULL
                                  ) <> (
                                    "t9"."theirs_amount" IS NULL
                                  )
                                )
                              )
                              AND (
                                "t9"."ours_kind" IN ('conversion')
                                AND "t9"."ours_quantity" IS NOT DISTINCT FROM "t9"."theirs_quantity"
                              )
                              THEN 'rate'
                              WHEN COALESCE(ABS("t9"."ours_amount" - "t9"."theirs_amount") > 1, FALSE)
                              OR (
                                (
                                  "t9"."ours_amount" IS NULL
                                ) <> (
                                  "t9"."theirs_amount" IS NULL
                                )
                              )
                              OR NOT (
                                "t9"."ours_quantity" IS NOT DISTINCT FROM "t9"."theirs_quantity"
                              )
                              THEN 'amount'
                              WHEN ABS("t9"."ours_service_day" - "t9"."theirs_service_day") > 0
                              THEN 'date'
                              ELSE 'matched'
                            END AS "outcome",
                            'grouped' AS "pass_name",
                            CAST(NULL AS TEXT) AS "group_reference",
                            COALESCE("t9"."ours_reference", "t9"."theirs_reference") AS "reference",
                            "t9"."ours_amount",
                            "t9"."ours_currency",
                            "t9"."ours_quantity",
                            "t9"."ours_service_day",
                            "t9"."ours_stands",
                            "t9"."theirs_amount",
                            "t9"."theirs_currency",
                            "t9"."theirs_quantity",
                            "t9"."theirs_service_day",
                            "t9"."theirs_stands"
                          FROM "group_equal" AS "t9"
                        ) AS "t42"
                        UNION ALL
                        SELECT
                          *
                        FROM (
                          SELECT
                            COALESCE("t44"."ours_id", "t44"."theirs_id") AS "record",
                            "t44"."ours_id",
                            "t44"."theirs_id",
                            CASE
                              WHEN NOT (
                                "t44"."ours_stands" IS NOT DISTINCT FROM "t44"."theirs_stands"
                              )
                              THEN 'status'
                              WHEN COALESCE("t44"."ours_currency" <> "t44"."theirs_currency", FALSE)
                              THEN 'currency'
                              WHEN (
                                COALESCE(ABS("t44"."ours_amount" - "t44"."theirs_amount") > 1, FALSE)
                                OR (
                                  (
                                    "t44"."ours_amount" IS NULL
                                  ) <> (
                                    "t44"."theirs_amount" IS NULL
                                  )
                                )
                              )
                              AND (
                                "t44"."ours_kind" IN ('conversion')
                                AND "t44"."ours_quantity" IS NOT DISTINCT FROM "t44"."theirs_quantity"
                              )
                              THEN 'rate'
                              WHEN COALESCE(ABS("t44"."ours_amount" - "t44"."theirs_amount") > 1, FALSE)
                              OR (
                                (
                                  "t44"."ours_amount" IS NULL
                                ) <> (
                                  "t44"."theirs_amount" IS NULL
                                )
                              )
                              OR NOT (
                                "t44"."ours_quantity" IS NOT DISTINCT FROM "t44"."theirs_quantity"
                              )
                              THEN 'amount'
                              WHEN ABS("t44"."ours_service_day" - "t44"."theirs_service_day") > 0
                              THEN 'date'
                              ELSE 'matched'
                            END AS "outcome",
                            'grouped' AS "pass_name",
                            CAST(NULL AS TEXT) AS "group_reference",
                            COALESCE("t44"."ours_reference", "t44"."theirs_reference") AS "reference",
                            "t44"."ours_amount",
                            "t44"."ours_currency",
                            "t44"."ours_quantity",
                            "t44"."ours_service_day",
                            "t44"."ours_stands",
                            "t44"."theirs_amount",
                            "t44"."theirs_currency",
                            "t44"."theirs_quantity",
                            "t44"."theirs_service_day",
                            "t44"."theirs_stands"
                          FROM (
                            SELECT
                              "t19"."ours_id",
                              "t19"."ours_reference",
                              "t19"."ours_partner_reference",
                              "t19"."ours_kind",
                              "t19"."ours_member_hash",
                              "t19"."ours_service_day",
                              "t19"."ours_quantity",
                              "t19"."ours_amount",
                              "t19"."ours_currency",
                              "t19"."ours_stands",
                              "t19"."ours_present",
                              "t19"."ours_rank",
                              "t31"."theirs_id",
                              "t31"."theirs_reference",
                              "t31"."theirs_partner_reference",
                              "t31"."theirs_kind",
                              "t31"."theirs_member_hash",
                              "t31"."theirs_service_day",
                              "t31"."theirs_quantity",
                              "t31"."theirs_amount",
                              "t31"."theirs_currency",
                              "t31"."theirs_stands",
                              "t31"."theirs_present",
                              "t31"."theirs_rank"
                            FROM "group_left_ours" AS "t19"
                            SEMI JOIN (
                              SELECT
                                *
                              FROM "group_recounted" AS "t10"
                              WHERE
                                "t10"."ours_count" > 0
                                AND "t10"."theirs_count" > 0
                                AND "t10"."ours_count" = 1
                                AND "t10"."theirs_count" = 1
                            ) AS "t25"
                              ON "t19"."ours_reference" = "t25"."reference"
                            INNER JOIN (
                              SELECT
                                "t18"."theirs_id",
                                "t18"."theirs_reference",
                                "t18"."theirs_partner_reference",
                                "t18"."theirs_kind",
                                "t18"."theirs_member_hash",
                                "t18"."theirs_service_day",
                                "t18"."theirs_quantity",
                                "t18"."theirs_amount",
                                "t18"."theirs_currency",
                                "t18"."theirs_stands",
                                "t18"."theirs_present",
                                "t18"."theirs_rank"
                              FROM "group_left_theirs" AS "t18"
                              ANTI JOIN "group_copies" AS "t17"
                                ON "t18"."theirs_id" = "t17"."theirs_id"
                            ) AS "t31"
                              ON "t19"."ours_reference" = "t31"."theirs_reference"
                          ) AS "t44"
                        ) AS "t51"
                      ) AS "t52"
                      UNION ALL
                      SELECT
                        *
                      FROM (
                        SELECT
                          COALESCE("t35"."ours_id") AS "record",
                          "t35"."ours_id",
                          CAST(NULL AS TEXT) AS "theirs_id",
                          'matched' AS "outcome",
                          'grouped' AS "pass_name",
                          "t35"."ours_reference" AS "group_reference",
                          COALESCE("t35"."ours_reference") AS "reference",
                          "t35"."ours_amount",
                          "t35"."ours_currency",
                          "t35"."ours_quantity",
                          "t35"."ours_service_day",
                          "t35"."ours_stands",
                          CAST(NULL AS BIGINT) AS "theirs_amount",
                          CAST(NULL AS TEXT) AS "theirs_currency",
                          CAST(NULL AS BIGINT) AS "theirs_quantity",
                          CAST(NULL AS BIGINT) AS "theirs_service_day",
                          CAST(NULL AS BOOLEAN) AS "theirs_stands"
                        FROM (
                          SELECT
                            "t19"."ours_id",
                            "t19"."ours_reference",
                            "t19"."ours_partner_reference",
                            "t19"."ours_kind",
                            "t19"."ours_member_hash",
                            "t19"."ours_service_day",
                            "t19"."ours_quantity",
                            "t19"."ours_amount",
                            "t19"."ours_currency",
                            "t19"."ours_stands",
                            "t19"."ours_present",
                            "t19"."ours_rank"
                          FROM "group_left_ours" AS "t19"
                          SEMI JOIN (
                            SELECT
                              *
                            FROM "group_sums" AS "t11"
                            WHERE
                              "t11"."agrees"
                          ) AS "t23"
                            ON "t19"."ours_reference" = "t23"."reference"
                        ) AS "t35"
                      ) AS "t48"
                    ) AS "t53"
                    UNION ALL
                    SELECT
                      *
                    FROM (
                      SELECT
                        COALESCE("t34"."theirs_id") AS "record",
                        CAST(NULL AS TEXT) AS "ours_id",
                        "t34"."theirs_id",
                        'matched' AS "outcome",
                        'grouped' AS "pass_name",
                        "t34"."theirs_reference" AS "group_reference",
                        COALESCE("t34"."theirs_reference") AS "reference",
                        CAST(NULL AS BIGINT) AS "ours_amount",
                        CAST(NULL AS TEXT) AS "ours_currency",
                        CAST(NULL AS BIGINT) AS "ours_quantity",
                        CAST(NULL AS BIGINT) AS "ours_service_day",
                        CAST(NULL AS BOOLEAN) AS "ours_stands",
                        "t34"."theirs_amount",
                        "t34"."theirs_currency",
                        "t34"."theirs_quantity",
                        "t34"."theirs_service_day",
                        "t34"."theirs_stands"
                      FROM (
                        SELECT
                          "t18"."theirs_id",
                          "t18"."theirs_reference",
                          "t18"."theirs_partner_reference",
                          "t18"."theirs_kind",
                          "t18"."theirs_member_hash",
                          "t18"."theirs_service_day",
                          "t18"."theirs_quantity",
                          "t18"."theirs_amount",
                          "t18"."theirs_currency",
                          "t18"."theirs_stands",
                          "t18"."theirs_present",
                          "t18"."theirs_rank"
                        FROM "group_left_theirs" AS "t18"
                        SEMI JOIN (
                          SELECT
                            *
                          FROM "group_sums" AS "t11"
                          WHERE
                            "t11"."agrees"
                        ) AS "t23"
                          ON "t18"."theirs_reference" = "t23"."reference"
                      ) AS "t34"
                    ) AS "t47"
                  ) AS "t54"
                  UNION ALL
                  SELECT
                    *
                  FROM (
                    SELECT
                      COALESCE("t46"."ours_id") AS "record",
                      "t46"."ours_id",
                      CAST(NULL AS TEXT) AS "theirs_id",
                      'amount' AS "outcome",
                      'grouped' AS "pass_name",
                      "t46"."ours_reference" AS "group_reference",
                      COALESCE("t46"."ours_reference") AS "reference",
                      "t46"."ours_amount",
                      "t46"."ours_currency",
                      "t46"."ours_quantity",
                      "t46"."ours_service_day",
                      "t46"."ours_stands",
                      CAST(NULL AS BIGINT) AS "theirs_amount",
                      CAST(NULL AS TEXT) AS "theirs_currency",
                      CAST(NULL AS BIGINT) AS "theirs_quantity",
                      CAST(NULL AS BIGINT) AS "theirs_service_day",
                      CAST(NULL AS BOOLEAN) AS "theirs_stands"
                    FROM (
                      SELECT
                        "t19"."ours_id",
                        "t19"."ours_reference",
                        "t19"."ours_partner_reference",
                        "t19"."ours_kind",
                        "t19"."ours_member_hash",
                        "t19"."ours_service_day",
                        "t19"."ours_quantity",
                        "t19"."ours_amount",
                        "t19"."ours_currency",
                        "t19"."ours_stands",
                        "t19"."ours_present",
                        "t19"."ours_rank"
                      FROM "group_left_ours" AS "t19"
                      SEMI JOIN "t24" AS "t33"
                        ON "t19"."ours_reference" = "t33"."reference"
                    ) AS "t46"
                  ) AS "t50"
                ) AS "t55"
                UNION ALL
                SELECT
                  *
                FROM (
                  SELECT
                    COALESCE("t45"."theirs_id") AS "record",
                    CAST(NULL AS TEXT) AS "ours_id",
                    "t45"."theirs_id",
                    'amount' AS "outcome",
                    'grouped' AS "pass_name",
                    "t45"."theirs_reference" AS "group_reference",
                    COALESCE("t45"."theirs_reference") AS "reference",
                    CAST(NULL AS BIGINT) AS "ours_amount",
                    CAST(NULL AS TEXT) AS "ours_currency",
                    CAST(NULL AS BIGINT) AS "ours_quantity",
                    CAST(NULL AS BIGINT) AS "ours_service_day",
                    CAST(NULL AS BOOLEAN) AS "ours_stands",
                    "t45"."theirs_amount",
                    "t45"."theirs_currency",
                    "t45"."theirs_quantity",
                    "t45"."theirs_service_day",
                    "t45"."theirs_stands"
                  FROM (
                    SELECT
                      "t18"."theirs_id",
                      "t18"."theirs_reference",
                      "t18"."theirs_partner_reference",
                      "t18"."theirs_kind",
                      "t18"."theirs_member_hash",
                      "t18"."theirs_service_day",
                      "t18"."theirs_quantity",
                      "t18"."theirs_amount",
                      "t18"."theirs_currency",
                      "t18"."theirs_stands",
                      "t18"."theirs_present",
                      "t18"."theirs_rank"
                    FROM "group_left_theirs" AS "t18"
                    ANTI JOIN "group_copies" AS "t17"
                      ON "t18"."theirs_id" = "t17"."theirs_id"
                    SEMI JOIN "t24" AS "t32"
                      ON "t18"."theirs_reference" = "t32"."reference"
                  ) AS "t45"
                ) AS "t49"
              ) AS "t56"
              UNION ALL
              SELECT
                *
              FROM (
                SELECT
                  COALESCE("t6"."theirs_id") AS "record",
                  CAST(NULL AS TEXT) AS "ours_id",
                  "t6"."theirs_id",
                  'duplicate' AS "outcome",
                  'grouped' AS "pass_name",
                  "t6"."theirs_reference" AS "group_reference",
                  COALESCE("t6"."theirs_reference") AS "reference",
                  CAST(NULL AS BIGINT) AS "ours_amount",
                  CAST(NULL AS TEXT) AS "ours_currency",
                  CAST(NULL AS BIGINT) AS "ours_quantity",
                  CAST(NULL AS BIGINT) AS "ours_service_day",
                  CAST(NULL AS BOOLEAN) AS "ours_stands",
                  "t6"."theirs_amount",
                  "t6"."theirs_currency",
                  "t6"."theirs_quantity",
                  "t6"."theirs_service_day",
                  "t6"."theirs_stands"
                FROM "group_copies" AS "t6"
              ) AS "t21"
            ) AS "t57"
          ) AS "t58"
          UNION ALL
          SELECT
            *
          FROM (
            SELECT
              COALESCE("t4"."ours_id", "t4"."theirs_id") AS "record",
              "t4"."ours_id",
              "t4"."theirs_id",
              CASE
                WHEN NOT (
                  "t4"."ours_stands" IS NOT DISTINCT FROM "t4"."theirs_stands"
                )
                THEN 'status'
                WHEN COALESCE("t4"."ours_currency" <> "t4"."theirs_currency", FALSE)
                THEN 'currency'
                WHEN (
                  COALESCE(ABS("t4"."ours_amount" - "t4"."theirs_amount") > 1, FALSE)
                  OR (
                    (
                      "t4"."ours_amount" IS NULL
                    ) <> (
                      "t4"."theirs_amount" IS NULL
                    )
                  )
                )
                AND (
                  "t4"."ours_kind" IN ('conversion')
                  AND "t4"."ours_quantity" IS NOT DISTINCT FROM "t4"."theirs_quantity"
                )
                THEN 'rate'
                WHEN COALESCE(ABS("t4"."ours_amount" - "t4"."theirs_amount") > 1, FALSE)
                OR (
                  (
                    "t4"."ours_amount" IS NULL
                  ) <> (
                    "t4"."theirs_amount" IS NULL
                  )
                )
                OR NOT (
                  "t4"."ours_quantity" IS NOT DISTINCT FROM "t4"."theirs_quantity"
                )
                THEN 'amount'
                WHEN ABS("t4"."ours_service_day" - "t4"."theirs_service_day") > 0
                THEN 'date'
                ELSE 'matched'
              END AS "outcome",
              'normalised' AS "pass_name",
              CAST(NULL AS TEXT) AS "group_reference",
              COALESCE("t4"."ours_reference", "t4"."theirs_reference") AS "reference",
              "t4"."ours_amount",
              "t4"."ours_currency",
              "t4"."ours_quantity",
              "t4"."ours_service_day",
              "t4"."ours_stands",
              "t4"."theirs_amount",
              "t4"."theirs_currency",
              "t4"."theirs_quantity",
              "t4"."theirs_service_day",
              "t4"."theirs_stands"
            FROM "found_normalised" AS "t4"
          ) AS "t40"
        ) AS "t59"
        UNION ALL
        SELECT
          *
        FROM (
          SELECT
            COALESCE("t2"."ours_id", "t2"."theirs_id") AS "record",
            "t2"."ours_id",
            "t2"."theirs_id",
            CASE
              WHEN NOT (
                "t2"."ours_stands" IS NOT DISTINCT FROM "t2"."theirs_stands"
              )
              THEN 'status'
              WHEN COALESCE("t2"."ours_currency" <> "t2"."theirs_currency", FALSE)
              THEN 'currency'
              WHEN (
                COALESCE(ABS("t2"."ours_amount" - "t2"."theirs_amount") > 1, FALSE)
                OR (
                  (
                    "t2"."ours_amount" IS NULL
                  ) <> (
                    "t2"."theirs_amount" IS NULL
                  )
                )
              )
              AND (
                "t2"."ours_kind" IN ('conversion')
                AND "t2"."ours_quantity" IS NOT DISTINCT FROM "t2"."theirs_quantity"
              )
              THEN 'rate'
              WHEN COALESCE(ABS("t2"."ours_amount" - "t2"."theirs_amount") > 1, FALSE)
              OR (
                (
                  "t2"."ours_amount" IS NULL
                ) <> (
                  "t2"."theirs_amount" IS NULL
                )
              )
              OR NOT (
                "t2"."ours_quantity" IS NOT DISTINCT FROM "t2"."theirs_quantity"
              )
              THEN 'amount'
              WHEN ABS("t2"."ours_service_day" - "t2"."theirs_service_day") > 0
              THEN 'date'
              ELSE 'matched'
            END AS "outcome",
            'partner_key' AS "pass_name",
            CAST(NULL AS TEXT) AS "group_reference",
            COALESCE("t2"."ours_reference", "t2"."theirs_reference") AS "reference",
            "t2"."ours_amount",
            "t2"."ours_currency",
            "t2"."ours_quantity",
            "t2"."ours_service_day",
            "t2"."ours_stands",
            "t2"."theirs_amount",
            "t2"."theirs_currency",
            "t2"."theirs_quantity",
            "t2"."theirs_service_day",
            "t2"."theirs_stands"
          FROM "found_partner_key" AS "t2"
        ) AS "t38"
      ) AS "t60"
      UNION ALL
      SELECT
        *
      FROM (
        SELECT
          COALESCE("t0"."ours_id", "t0"."theirs_id") AS "record",
          "t0"."ours_id",
          "t0"."theirs_id",
          CASE
            WHEN NOT (
              "t0"."ours_stands" IS NOT DISTINCT FROM "t0"."theirs_stands"
            )
            THEN 'status'
            WHEN COALESCE("t0"."ours_currency" <> "t0"."theirs_currency", FALSE)
            THEN 'currency'
            WHEN (
              COALESCE(ABS("t0"."ours_amount" - "t0"."theirs_amount") > 1, FALSE)
              OR (
                (
                  "t0"."ours_amount" IS NULL
                ) <> (
                  "t0"."theirs_amount" IS NULL
                )
              )
            )
            AND (
              "t0"."ours_kind" IN ('conversion')
              AND "t0"."ours_quantity" IS NOT DISTINCT FROM "t0"."theirs_quantity"
            )
            THEN 'rate'
            WHEN COALESCE(ABS("t0"."ours_amount" - "t0"."theirs_amount") > 1, FALSE)
            OR (
              (
                "t0"."ours_amount" IS NULL
              ) <> (
                "t0"."theirs_amount" IS NULL
              )
            )
            OR NOT (
              "t0"."ours_quantity" IS NOT DISTINCT FROM "t0"."theirs_quantity"
            )
            THEN 'amount'
            WHEN ABS("t0"."ours_service_day" - "t0"."theirs_service_day") > 0
            THEN 'date'
            ELSE 'matched'
          END AS "outcome",
          'attributes' AS "pass_name",
          CAST(NULL AS TEXT) AS "group_reference",
          COALESCE("t0"."ours_reference", "t0"."theirs_reference") AS "reference",
          "t0"."ours_amount",
          "t0"."ours_currency",
          "t0"."ours_quantity",
          "t0"."ours_service_day",
          "t0"."ours_stands",
          "t0"."theirs_amount",
          "t0"."theirs_currency",
          "t0"."theirs_quantity",
          "t0"."theirs_service_day",
          "t0"."theirs_stands"
        FROM "found_attributes" AS "t0"
      ) AS "t37"
    ) AS "t61"
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        COALESCE("t27"."ours_id") AS "record",
        "t27"."ours_id",
        CAST(NULL AS TEXT) AS "theirs_id",
        'missing_theirs' AS "outcome",
        'none' AS "pass_name",
        CAST(NULL AS TEXT) AS "group_reference",
        COALESCE("t27"."ours_reference") AS "reference",
        "t27"."ours_amount",
        "t27"."ours_currency",
        "t27"."ours_quantity",
        "t27"."ours_service_day",
        "t27"."ours_stands",
        CAST(NULL AS BIGINT) AS "theirs_amount",
        CAST(NULL AS TEXT) AS "theirs_currency",
        CAST(NULL AS BIGINT) AS "theirs_quantity",
        CAST(NULL AS BIGINT) AS "theirs_service_day",
        CAST(NULL AS BOOLEAN) AS "theirs_stands"
      FROM (
        SELECT
          "t15"."ours_id",
          "t15"."ours_reference",
          "t15"."ours_partner_reference",
          "t15"."ours_kind",
          "t15"."ours_member_hash",
          "t15"."ours_service_day",
          "t15"."ours_quantity",
          "t15"."ours_amount",
          "t15"."ours_currency",
          "t15"."ours_stands",
          "t15"."ours_present"
        FROM "rest_ours" AS "t15"
        ANTI JOIN "found_normalised" AS "t16"
          ON "t15"."ours_id" = "t16"."ours_id"
        ANTI JOIN "found_partner_key" AS "t14"
          ON "t15"."ours_id" = "t14"."ours_id"
        ANTI JOIN "found_attributes" AS "t12"
          ON "t15"."ours_id" = "t12"."ours_id"
      ) AS "t27"
    ) AS "t36"
  ) AS "t62"
  UNION ALL
  SELECT
    *
  FROM (
    SELECT
      COALESCE("t30"."theirs_id") AS "record",
      CAST(NULL AS TEXT) AS "ours_id",
      "t30"."theirs_id",
      'missing_ours' AS "outcome",
      'none' AS "pass_name",
      CAST(NULL AS TEXT) AS "group_reference",
      COALESCE("t30"."theirs_reference") AS "reference",
      CAST(NULL AS BIGINT) AS "ours_amount",
      CAST(NULL AS TEXT) AS "ours_currency",
      CAST(NULL AS BIGINT) AS "ours_quantity",
      CAST(NULL AS BIGINT) AS "ours_service_day",
      CAST(NULL AS BOOLEAN) AS "ours_stands",
      "t30"."theirs_amount",
      "t30"."theirs_currency",
      "t30"."theirs_quantity",
      "t30"."theirs_service_day",
      "t30"."theirs_stands"
    FROM "t26" AS "t30"
    WHERE
      COALESCE("t30"."theirs_stands", TRUE)
  ) AS "t39"
) AS "t63"
UNION ALL
SELECT
  *
FROM (
  SELECT
    COALESCE("t30"."theirs_id") AS "record",
    CAST(NULL AS TEXT) AS "ours_id",
    "t30"."theirs_id",
    'matched' AS "outcome",
    'nothing_due' AS "pass_name",
    CAST(NULL AS TEXT) AS "group_reference",
    COALESCE("t30"."theirs_reference") AS "reference",
    CAST(NULL AS BIGINT) AS "ours_amount",
    CAST(NULL AS TEXT) AS "ours_currency",
    CAST(NULL AS BIGINT) AS "ours_quantity",
    CAST(NULL AS BIGINT) AS "ours_service_day",
    CAST(NULL AS BOOLEAN) AS "ours_stands",
    "t30"."theirs_amount",
    "t30"."theirs_currency",
    "t30"."theirs_quantity",
    "t30"."theirs_service_day",
    "t30"."theirs_stands"
  FROM "t26" AS "t30"
  WHERE
    NOT (
      COALESCE("t30"."theirs_stands", TRUE)
    )
) AS "t43";
