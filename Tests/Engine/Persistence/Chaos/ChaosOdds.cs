namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>
/// How likely each misfortune is, for each write, replay, snapshot or command it could befall, and how long things take. Zero
/// everywhere is a quiet world.
/// </summary>
internal sealed record ChaosOdds
{
    public static readonly ChaosOdds None = new();

    public static readonly ChaosOdds Wild = new()
    {
        FailBefore = 0.05,
        FailHalfway = 0.03,
        FailAfter = 0.05,
        StoreLate = 0.02,
        LoseReply = 0.03,
        Reject = 0.05,
        SlowWrite = 0.5,
        Outage = 0.001,
        FailReplay = 0.04,
        FailReplayHalfway = 0.03,
        SlowReplay = 0.3,
        FailHighest = 0.03,
        SlowHighest = 0.2,
        FailLoad = 0.03,
        FailSave = 0.1,
        SlowSnapshot = 0.3,
        SaveLate = 0.1,
        Unfit = 0.03,
        Mishap = 0.12,
        Stumble = 0.02,
        FailStart = 0.01,
        FailRecover = 0.002,
        FailRecovered = 0.03,
        PersistRecovered = 0.25,
        PersistRejected = 0.3,
        Snapshot = 0.1,
    };

    /// <summary>After this long the circuit breaker takes a call for failed.</summary>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromMilliseconds(60);

    /// <summary>After this long a careful client sends again; after six times as long a reckless one gives up.</summary>
    public TimeSpan ClientPatience { get; init; } = TimeSpan.FromMilliseconds(40);

    /// <summary>The longest ordinary delay.</summary>
    public TimeSpan Slowness { get; init; } = TimeSpan.FromMilliseconds(4);

    /// <summary>A write fails and nothing of it is stored.</summary>
    public double FailBefore { get; init; }

    /// <summary>The first few of the atomic writes in one request are stored, then it fails.</summary>
    public double FailHalfway { get; init; }

    /// <summary>Everything is stored, then the write fails.</summary>
    public double FailAfter { get; init; }

    /// <summary>Storing takes longer than the circuit breaker waits.</summary>
    public double StoreLate { get; init; }

    /// <summary>Everything is stored, and the answer comes when nobody waits for it any more.</summary>
    public double LoseReply { get; init; }

    /// <summary>One atomic write is rejected.</summary>
    public double Reject { get; init; }

    public double SlowWrite { get; init; }

    /// <summary>So many calls in a row fail that the circuit breaker opens.</summary>
    public double Outage { get; init; }

    public double FailReplay { get; init; }

    public double FailReplayHalfway { get; init; }

    public double SlowReplay { get; init; }

    public double FailHighest { get; init; }

    public double SlowHighest { get; init; }

    public double FailLoad { get; init; }

    /// <summary>Saving fails, half of the time after the snapshot was saved.</summary>
    public double FailSave { get; init; }

    public double SlowSnapshot { get; init; }

    /// <summary>Saving takes so long that the entity may have been through a restart.</summary>
    public double SaveLate { get; init; }

    /// <summary>A command's events are such that no journal takes them.</summary>
    public double Unfit { get; init; }

    /// <summary>A command's or an event's handler throws.</summary>
    public double Mishap { get; init; }

    /// <summary>A supervisor throws between two commands.</summary>
    public double Stumble { get; init; }

    /// <summary>Starting throws.</summary>
    public double FailStart { get; init; }

    /// <summary>The handler of a replayed event throws.</summary>
    public double FailRecover { get; init; }

    /// <summary>The handler of the end of recovery throws.</summary>
    public double FailRecovered { get; init; }

    /// <summary>The handler of the end of recovery persists.</summary>
    public double PersistRecovered { get; init; }

    /// <summary>The handler of a rejection persists.</summary>
    public double PersistRejected { get; init; }

    /// <summary>A command's or an event's handler saves a snapshot.</summary>
    public double Snapshot { get; init; }
}
