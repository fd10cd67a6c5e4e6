-- One row a flight; the question is asked one hour before its scheduled departure: will it arrive more than 15 minutes
-- late? A row holds only what was known at that moment (asked_at). All moments are UTC without a zone.
--
-- $as_of is the clock, $since the first moment that the history keeps. Both only cut work short here: Signoff makes
-- the exact cuts on asked_at and known_at itself, and counts what it leaves out.
--
-- Without a delay on arrival (late is NULL) are 9,430 flights of the year: 8,255 were cancelled, 1,175 were diverted or
-- never reported. They are neither late nor on time, so Signoff leaves them out and says so in the snapshot. Whoever
-- wants to warn of cancellations asks another question.

WITH scheduled AS (
    -- time_hour is the scheduled hour, in UTC and right through both changes of the clock; minute stands beside it.
    SELECT
        *,
        CAST(left(time_hour, 19) AS TIMESTAMP) + to_minutes(minute) AS departs_at
    FROM flights
),

departures AS (
    SELECT
        *,
        departs_at - INTERVAL 1 HOUR AS asked_at,
        departs_at + to_minutes(CAST(dep_delay AS BIGINT)) AS departed_at
    FROM scheduled
    -- Two days more than the history, for the delays that the first rows look back on.
    WHERE departs_at BETWEEN $since - INTERVAL 2 DAY AND $as_of + INTERVAL 1 HOUR
),

zones AS (
    SELECT faa AS dest, tzone AS zone FROM airports WHERE tzone IS NOT NULL
    UNION ALL
    -- Four destinations are missing in airports; their zone is public.
    SELECT unnest(['BQN', 'PSE', 'SJU', 'STT']), 'America/Puerto_Rico'
),

asked AS (
    SELECT
        departures.*,
        -- Minutes from the scheduled departure to the scheduled arrival: both are clocks on a wall, the latter in the
        -- zone of the destination. No flight from New York lasts a day, so the remainder of a day is the duration.
        CAST(
            (
                (sched_arr_time // 100) * 60 + sched_arr_time % 100
                - date_diff(
                    'minute',
                    date_trunc('day', timezone(zones.zone, timezone('UTC', departs_at))),
                    timezone(zones.zone, timezone('UTC', departs_at))
                )
                + 1440
            ) % 1440 AS BIGINT
        ) AS block_minutes
    FROM departures
    LEFT JOIN zones USING (dest)
    WHERE asked_at BETWEEN $since AND $as_of
),

-- Departures that had happened when the question was asked, over the three hours before it: a running sum over the
-- moments of departure, read at asked_at and three hours earlier by ASOF joins. Whole minutes, so sums are exact.
delays AS (
    SELECT
        origin,
        carrier,
        departed_at,
        sum(CAST(dep_delay AS BIGINT)) OVER by_origin AS origin_minutes,
        count(*) OVER by_origin AS origin_count,
        sum(CAST(dep_delay AS BIGINT)) OVER by_carrier AS carrier_minutes,
        count(*) OVER by_carrier AS carrier_count
    FROM departures
    WHERE departed_at IS NOT NULL
    WINDOW
        by_origin AS (PARTITION BY origin ORDER BY departed_at RANGE UNBOUNDED PRECEDING),
        by_carrier AS (PARTITION BY origin, carrier ORDER BY departed_at RANGE UNBOUNDED PRECEDING)
),

origin_delays AS (
    SELECT DISTINCT origin, departed_at, origin_minutes AS minutes, origin_count AS flights FROM delays
),

carrier_delays AS (
    SELECT DISTINCT origin, carrier, departed_at, carrier_minutes AS minutes, carrier_count AS flights FROM delays
),

looked_up AS (
    SELECT
        asked.*,
        coalesce(origin_now.flights, 0) - coalesce(origin_then.flights, 0) AS origin_departures_3h,
        coalesce(origin_now.minutes, 0) - coalesce(origin_then.minutes, 0) AS origin_minutes_3h,
        coalesce(carrier_now.flights, 0) - coalesce(carrier_then.flights, 0) AS carrier_departures_3h,
        coalesce(carrier_now.minutes, 0) - coalesce(carrier_then.minutes, 0) AS carrier_minutes_3h
    FROM asked
    ASOF LEFT JOIN origin_delays AS origin_now
        ON asked.origin = origin_now.origin AND asked.asked_at >= origin_now.departed_at
    ASOF LEFT JOIN origin_delays AS origin_then
        ON asked.origin = origin_then.origin AND asked.asked_at - INTERVAL 3 HOUR >= origin_then.departed_at
    ASOF LEFT JOIN carrier_delays AS carrier_now
        ON asked.origin = carrier_now.origin AND asked.carrier = carrier_now.carrier
        AND asked.asked_at >= carrier_now.departed_at
    ASOF LEFT JOIN carrier_delays AS carrier_then
        ON asked.origin = carrier_then.origin AND asked.carrier = carrier_then.carrier
        AND asked.asked_at - INTERVAL 3 HOUR >= carrier_then.departed_at
),

observed AS (
    -- The hour is over when its weather is known: observed_until is its end. The hour in which the question is asked
    -- would leak.
    SELECT *, CAST(left(time_hour, 19) AS TIMESTAMP) + INTERVAL 1 HOUR AS observed_until FROM weather
)

SELECT
    strftime(flight.departs_at, '%Y%m%dT%H%M') || '-' || flight.carrier || flight.flight || '-' || flight.origin
        AS flight_id,
    flight.asked_at,
    -- The outcome is known on arrival; of a flight that never arrived, when it should have.
    flight.departs_at + to_minutes(flight.block_minutes) + to_minutes(CAST(coalesce(flight.arr_delay, 0) AS BIGINT))
        AS known_at,
    flight.arr_delay > 15 AS late,
    flight.tailnum,
    flight.carrier,
    flight.origin,
    flight.dest,
    flight.distance,
    flight.block_minutes,
    flight.hour AS departure_hour,
    flight.hour * 60 + flight.minute AS departure_minute,
    isodow(make_date(flight.year, flight.month, flight.day)) AS weekday,
    flight.origin_departures_3h,
    flight.origin_minutes_3h / nullif(flight.origin_departures_3h, 0) AS origin_delay_3h,
    flight.carrier_departures_3h,
    flight.carrier_minutes_3h / nullif(flight.carrier_departures_3h, 0) AS carrier_delay_3h,
    seen.temp,
    seen.dewp,
    seen.humid,
    seen.wind_dir,
    -- One report says 1,048 miles an hour; no wind on this planet is above 254.
    CASE WHEN seen.wind_speed <= 254 THEN seen.wind_speed END AS wind_speed,
    seen.wind_gust,
    seen.precip,
    seen.pressure,
    seen.visib,
    planes.year AS plane_year,
    planes.seats AS plane_seats,
    planes.engines AS plane_engines,
    planes.manufacturer AS plane_manufacturer,
    airports.lat AS dest_lat,
    airports.lon AS dest_lon,
    airports.alt AS dest_alt
FROM looked_up AS flight
LEFT JOIN observed AS seen
    ON flight.origin = seen.origin AND date_trunc('hour', flight.asked_at) = seen.observed_until
LEFT JOIN planes USING (tailnum)
LEFT JOIN airports ON flight.dest = airports.faa
