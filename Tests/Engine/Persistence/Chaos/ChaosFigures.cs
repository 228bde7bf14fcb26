using System.Collections.Concurrent;

namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>Counts what a run did. Safe for concurrent use.</summary>
internal sealed class ChaosFigures
{
    private readonly ConcurrentDictionary<string, int> _causes = new(StringComparer.Ordinal);
    private int _circuitOpen;
    private long _seeds, _commands, _acknowledged, _unknown, _rejected, _events, _failedWrites, _lostReplies, _outages;
    private long _restarts, _recoveries, _failedRecoveries, _snapshotsUsed, _opened, _closed;

    public long Acknowledged => _acknowledged;

    public long Unknown => _unknown;

    public long Rejected => _rejected;

    public long FailedWrites => _failedWrites;

    public long LostReplies => _lostReplies;

    public long Restarts => _restarts;

    public long FailedRecoveries => _failedRecoveries;

    public long SnapshotsUsed => _snapshotsUsed;

    public long Opened => _opened;

    public long Closed => _closed;

    public void Seed() => Interlocked.Increment(ref _seeds);

    public void Command() => Interlocked.Increment(ref _commands);

    public void CommandAcknowledged() => Interlocked.Increment(ref _acknowledged);

    public void CommandRejected() => Interlocked.Increment(ref _rejected);

    public void CommandUnknown() => Interlocked.Increment(ref _unknown);

    public void EventHandled() => Interlocked.Increment(ref _events);

    public void Restarted() => Interlocked.Increment(ref _restarts);

    public void RecoveredOnce() => Interlocked.Increment(ref _recoveries);

    public void RecoveryFailed() => Interlocked.Increment(ref _failedRecoveries);

    public void SnapshotUsed() => Interlocked.Increment(ref _snapshotsUsed);

    public void OutageBegan() => Interlocked.Increment(ref _outages);

    public void WriteFailed(Exception cause)
    {
        Interlocked.Increment(ref _failedWrites);
        if (cause is TimeoutException)
            Interlocked.Increment(ref _lostReplies);
        _causes.AddOrUpdate(cause.Message, 1, static (_, before) => before + 1);
    }

    /// <summary>A call to the journal ended; null for well. Tells from it whether the circuit is open or closed again.</summary>
    public void CallEnded(Exception? failure)
    {
        if (failure is null)
        {
            if (Interlocked.Exchange(ref _circuitOpen, 0) == 1)
                Interlocked.Increment(ref _closed);
        }
        else if (IsOpenCircuit(failure) && Interlocked.Exchange(ref _circuitOpen, 1) == 0)
        {
            Interlocked.Increment(ref _opened);
        }
    }

    /// <summary>The type's name is the same in either engine; its namespace is not.</summary>
    public static bool IsOpenCircuit(Exception failure) => failure.GetType().Name == "OpenCircuitException";

    /// <summary>Why writes failed, most frequent first.</summary>
    public string Causes => string.Join(
        "; ", _causes.OrderByDescending(each => each.Value).Select(each => $"{each.Value} times: {each.Key}"));

    public override string ToString() =>
        $"{_seeds} seeds: {_commands} commands, {_acknowledged} acknowledged, {_rejected} rejected, {_unknown} unknown to the client; "
        + $"{_events} events handled, {_failedWrites} writes failed, {_lostReplies} of them for lost replies, {_outages} outages; "
        + $"{_restarts} restarts, {_recoveries} recoveries, {_failedRecoveries} failed ones, {_snapshotsUsed} snapshots offered; "
        + $"the circuit opened {_opened} times and closed {_closed} times";
}
